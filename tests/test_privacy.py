"""A whole journey at the loudest level of the logs: nothing of a person is in them, nor in addresses, titles, headers,
the journal, subjects of mails (issue of T20; design 6: neither a reference nor a name stands there)."""
import io
import json
import logging
import re

from flask import request

from models import Agent, Event, Mail, Procuration, Role, Voter, WebSession, now
from portal import journal, logs, outbox, procedure
from tests.engines import ONE_ENGINE
from tests.factories import a_commune, a_scrutin, an_agent, fresh
from tests.test_back_office import Desk
from tests.test_franceconnect import Person, franceconnect, running, settings, unprotected  # noqa: F401
from tests.test_officer import TICKS, Counter
from tests.test_rolls import a_roll, an_elector
from tests.voter import SOUND, Page

GRID = "/admin/procurations/"


class Ear:
    """All that a journey leaves behind it, beside its pages."""

    def __init__(self, app):
        self.lines, self.asked, self.titles, self.headers = io.StringIO(), [], [], []
        self.handler = logging.StreamHandler(self.lines)
        self.handler.setFormatter(logs.JsonLines())
        self.handler.addFilter(logs.is_wanted)
        self.listens = True
        app.before_request(self.hears)
        app.after_request(self.reads)

    def hears_no_more(self):
        """What follows is typed by somebody who puts names into addresses."""
        self.listens = False

    def hears(self):
        if not self.listens:
            return
        self.asked.append(request.full_path)
        self.headers.append(request.referrer or "")

    def reads(self, response):
        self.headers += [f"{name}: {value}" for name, value in response.headers if name != "Set-Cookie"]
        if response.mimetype == "text/html":
            self.titles += re.findall("<title>(.*?)</title>", response.get_data(as_text=True), re.S)
        return response

    def __enter__(self):
        root = logging.getLogger()
        self.level = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(self.handler)
        return self

    def __exit__(self, *error):
        logging.getLogger().removeHandler(self.handler)
        logging.getLogger().setLevel(self.level)

    def left(self):
        """{where: text}"""
        return {"logs": self.lines.getvalue(), "addresses": "\n".join(self.asked), "titles": "\n".join(self.titles),
                "headers": "\n".join(self.headers),
                "journal": json.dumps(list(Event.select().tuples()), default=str),
                "subjects": "\n".join(outbox.compose(mail)["Subject"] for mail in Mail.select())}


def asks(voter):
    """A request by the form, with a mandataire and another address than FranceConnect's. The file."""
    page = Page(voter.portal.get("/demande").text)
    fields = {**page.fields(), **SOUND, "tours": page.choices("tours")}
    check = Page(voter.portal.post("/demande", data=fields).text)
    sent = voter.portal.post("/demande", data={**check.fields(), "confirmer": "oui"})
    assert sent.status_code == 303, Page(sent.text).summary or check.summary
    voter.portal.get(sent.location)
    for path in ("/mes-procurations", "/mes-donnees", "/communes?q=Lyon"):
        voter.portal.get(path)
    return Procuration.get()


def at_the_counter(app, file):
    officer = Counter(app)
    officer.looks_up("BCD 234").looks_up(file.reference).presses("Établir la procuration", **TICKS)
    officer.opens("/admin/guichet/actes")


def at_the_town_hall(app, file):
    desk = Desk(app, an_agent(Role.MANAGER, a_commune()))
    for password in ("faux", "encore-faux"):
        app.test_client().post("/connexion", data={"email": desk.agent.email, "password": password})
    desk.opens(GRID).presses("Rechercher", search=file.mandant.birth_name)
    roll = a_roll()
    roll.current_since = now()
    roll.save()
    an_elector(roll, file.mandant.birth_name)
    desk.opens("/admin/liste/").presses("Chercher", words=file.mandant.birth_name)
    desk.opens(f"{GRID}details/", id=file.id).opens(f"{GRID}invalider/", id=file.id)
    procedure.valider(fresh(file), desk.agent)
    desk.opens("/admin/comptes/").opens("/admin/registre/").opens(f"{GRID}export/csv/")
    for path in ("comptes/details", "comptes/edit"):
        desk.opens(f"/admin/{path}/", id=desk.agent.id)
    desk.opens("/admin/registre/details/", id=file.id)
    return desk


def leaves(voter, file):
    for path in ("/mes-procurations", f"/mes-procurations/{file.id}/jours-de-vote.ics", "/mes-donnees.json"):
        voter.portal.get(path)
    voter.logs_out()


def fails(app):
    """What is refused, lost or broken is logged too."""
    client = app.test_client()
    for path in ("/invitation/jeton-perdu?nom=Durand", "/franceconnect/retour?code=c-o-d-e&state=Durand",
                 "/nulle-part/DURAND", "/communes?q=" + "x" * 3000):
        client.get(path)
    client.post("/demande", data={"email": "durand@exemple.fr"})
    logging.getLogger("peewee").debug("SELECT 'DURAND'")
    logging.getLogger("waitress").warning("served %s", "/demande?nom=DURAND")
    try:
        raise ValueError("DURAND Camille\r\n{}")
    except ValueError:
        logging.getLogger("app").exception("Exception on %s [%s]", "/demande/DURAND", "GET")


def people():
    for voter in Voter.select():
        yield from (voter.birth_name, *voter.first_names.split(), voter.birth_date, voter.email, voter.sub)
        yield "/".join(reversed(voter.birth_date.split("-")))
    yield from (SOUND["email"], SOUND["mandataire-birth_name"], *SOUND["mandataire-first_names"].split())
    yield from ("1975-11-07", "07/11/1975", "7 novembre 1975", "7/11/1975")


def agents():
    for agent in Agent.select():
        yield from (agent.email, agent.last_name)


@ONE_ENGINE
def test_a_journey_leaves_nothing_of_a_person_in_logs_addresses_titles_headers_journal_or_subjects(
        unprotected, franceconnect):    # noqa: F811
    a_commune()
    a_scrutin()
    with Ear(unprotected) as ear:
        voter = Person(unprotected)
        voter.logs_in("durand")
        cookie = voter.cookie
        file = asks(voter)
        tokens = [cookie, *(row.token_hash for row in WebSession.select())]
        at_the_counter(unprotected, file)
        at_the_town_hall(unprotected, file)
        leaves(voter, file)
        ear.hears_no_more()
        fails(unprotected)
        journal.seal()
    secrets = {"people": {*people(), file.reference.code, file.reference.shown}, "agents": set(agents()),
               "tokens": {*tokens}, "failures": {"c-o-d-e", "jeton-perdu", "durand"}}
    assert all(ear.left().values()), "nothing was heard there"
    assert sum("introuvable" in title for title in ear.titles) == 1, "every other page is there"
    found = {(where, kind, secret) for where, text in ear.left().items() for kind, texts in secrets.items()
             for secret in texts if secret and re.search(rf"\b{re.escape(secret)}\b", text, re.I)}
    assert found == set()
    assert all(json.loads(line)["event"] for line in ear.lines.getvalue().splitlines())
