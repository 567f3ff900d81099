"""What each route answers to each role and method: `python -m tests.matrix` writes tests/matrix.txt anew.

Read the difference before it is committed: it says who may come in where. A POST is asked without its token first, then
with it and nothing else in it. One database, restored after whatever may have changed it.
"""
import contextlib
import sqlite3
import sys
import tempfile
from collections import defaultdict
from functools import cached_property
from pathlib import Path

from werkzeug.exceptions import HTTPException

from admin_views import base
from admin_views.policy import visible
from app import create_app
from models import Job, Mail, Passage, Passkey, Role, Rules, TourDay, WebSession, database, now
from portal import accounts, addresses, mandataires, procedure
from portal.database import SQLITE_PRAGMAS, migrations, open_database
from portal.settings import Settings, use
from portal.single_use import token_of
from tests.engines import LOOPBACK
from tests.factories import (a_commune, a_mandataire, a_procuration, a_scrutin, a_voter, an_acte, an_agent, an_officer,
                             log_in)

FROZEN = Path(__file__).with_name("matrix.txt")
ANONYMOUS = "anonymous"
ROLES = (ANONYMOUS, Role.VOTER, Role.OFFICER, Role.COMMUNE, Role.MANAGER, Role.MINISTRY)
TOKEN = "POST+token"
METHODS = ("GET", "OPTIONS", "POST", TOKEN, "PUT", "PATCH", "DELETE", "TRACE")
NOWHERE = "http://127.0.0.1:9/api/v2"       # nobody listens: an outage
EXPIRED = "Cette page n’est plus valable"


@contextlib.contextmanager
def connected():
    """As `connection_context`, where a request inside may close the connection."""
    database.connect(reuse_if_open=True)
    yield
    if not database.is_closed():
        database.close()


def put(source, target):
    """What one database holds into another; files would be copied without what still stands in the log."""
    with contextlib.closing(sqlite3.connect(source)) as read, contextlib.closing(sqlite3.connect(target)) as written:
        written.execute("PRAGMA synchronous = off")
        read.backup(written)


class Doors:
    """The portal with somebody of each role logged in, and something of theirs for each address."""

    def __init__(self, folder):
        self.weak = []              # what headers of an answer lack, of all answers so far
        self.path, self.sound = Path(folder, "doors.db"), Path(folder, "sound.db")
        settings = use(Settings(
            database_url=f"sqlite:///{self.path}", secret_key="s" * 64, journal_key="j" * 64,
            base_url="http://localhost", mail_url=f"mailbox:{folder}/courriels", franceconnect_issuer=NOWHERE,
            franceconnect_client_secret="c" * 64, shared_networks=LOOPBACK))
        open_database(settings.database_url)
        migrations().up()
        self.app = create_app(settings)
        with connected():
            self._people_it()
            self.cookies = {role: self._cookie(role) for role in ROLES}
            WebSession.update(proved_at=now()).execute()
        put(self.path, self.sound)

    def _people_it(self):
        town, scrutin = a_commune(), a_scrutin()
        self.people = {Role.VOTER: a_voter(), Role.OFFICER: an_officer(), Role.COMMUNE: an_agent(Role.COMMUNE, town),
                       Role.MANAGER: an_agent(Role.MANAGER, town), Role.MINISTRY: an_agent(Role.MINISTRY)}
        named = {"scrutin": scrutin, "commune": town, "officer": self.people[Role.OFFICER]}
        mandataire = a_mandataire(email="sacha@exemple.fr")
        self.etablie = a_procuration("etablie", self.people[Role.VOTER], mandataire=mandataire, **named)
        self.deposee = a_procuration("deposee", a_voter(), email="ailleurs@exemple.fr", **named)
        self.validee = a_procuration("validee", a_voter(email=None), **named)      # there is a letter
        self.paper = procedure.saisir(an_acte(scrutin), self.people[Role.COMMUNE])
        self.invited = accounts.invite(an_agent(Role.COMMUNE, town))
        Passkey.insert(id=self.etablie.id, agent=self.people[Role.MANAGER], credential="eA", public_key="eA").execute()
        TourDay.create(tour=scrutin.tours.get(), territory="973")
        Rules.create(scrutin=scrutin)
        Job.create(name="revoir", subject="-", due_at=now())

    def _cookie(self, role):
        client = self.app.test_client()
        if role != ANONYMOUS:
            log_in(client, **{"voter" if role == Role.VOTER else "agent": self.people[role]})
        return client.get_cookie(self.app.config["SESSION_COOKIE_NAME"])

    def client(self, role):
        client = self.app.test_client()
        if cookie := self.cookies[role]:
            client.set_cookie(cookie.key, cookie.value)
        return client

    # --- Addresses ---

    @cached_property
    def views(self):
        return {view.endpoint: view for view in self.app.extensions["admin"][0]._views}

    def rules(self):
        """Each address once, with the endpoints that share it."""
        found = defaultdict(list)
        for rule in self.app.url_map.iter_rules():
            found[rule.rule].append(rule)
        return [found[rule] for rule in sorted(found)]

    def address(self, rule):
        known = {"number": self.etablie.id, "act": self.act, "export_type": "csv", "filename": "theme.css",
                 "token": self.tokens.get(rule.endpoint, "x")}
        numbers = {name for name, converter in rule._converters.items() if type(converter).__name__[0] == "I"}
        filled = {name: known.get(name, 1 if name in numbers else "x") for name in rule.arguments}
        with self.app.test_request_context():
            where = rule.build(filled, append_unknown=False)[1]
        row = self.row(rule)
        return f"{where}?id={row}" if row is not None and "GET" in rule.methods else where

    def form(self, rule):
        """What is posted with the token: the row, where the address does not say it, and the first bulk action."""
        view, row = self.views.get(rule.endpoint.partition(".")[0]), self.row(rule)
        if row is None or "GET" in rule.methods:
            return {}
        return {"id": row, "rowid": row, "action": next(iter(getattr(view, "_actions_data", ())), "")}

    def row(self, rule):
        """What a view of the back office is asked about; None where it is about none."""
        return {"papier": self.paper.id, "registre": self.validee.id}.get(
            view := rule.endpoint.partition(".")[0], self.rows.get(view))

    @cached_property
    def act(self):
        with connected():
            return Passage.get(Passage.act == "etablir", Passage.procuration == self.etablie).id

    @cached_property
    def tokens(self):
        """Living links, by endpoint."""
        with connected():
            mandataire = token_of(Mail.get(Mail.name == mandataires.MAIL).context["draw"], mandataires.KIND)
            link = token_of(Mail.get(Mail.name == addresses.MAIL).context["draw"], addresses.KIND)
        pages = {"mandataire": mandataire, "ne_plus_ecrire": mandataire, "confirmer_refus": mandataire,
                 "decliner": mandataire, "lien": link, "confirmer_adresse": link, "invitation": self.invited}
        return {f"pages.{page}": token for page, token in pages.items()}

    @cached_property
    def rows(self):
        """Of each grid, the first row that somebody who may open it sees; None where there is none."""
        with connected():
            return {endpoint: self._first(view) for endpoint, view in self.views.items()
                    if isinstance(view, base.ScopedView)}

    def _first(self, view):
        role = next(role for role in ROLES if role in view.roles)
        row = visible(view.model, self.people[role]).order_by(view.model._meta.primary_key).first()
        return row and row._pk

    # --- Answers ---

    def ask(self, role, method, address, keep=False, **sent):
        """The answer, after which everything is as it was, unless `keep`."""
        self.app.config["WTF_CSRF_ENABLED"] = method != TOKEN
        answer = self.client(role).open(address, method=method.partition("+")[0], **sent)
        answer.get_data()
        answer.close()
        self.weak += [f"{address} {method}: {fault}" for fault in weak(answer)]
        if not keep and (answer.status_code < 400 or method == TOKEN):
            self.restore()
        return answer

    def restore(self):
        put(self.sound, self.path)

    def said(self, answer):
        """An answer as the matrix has it: its status, and where it leads or what it lacks."""
        if answer.location:
            return f"{answer.status_code} {self.endpoint(answer.location)}"
        if answer.status_code == 400 and EXPIRED in answer.text:
            return "400 token"
        return str(answer.status_code)

    def endpoint(self, location):
        try:
            return self.app.url_map.bind("localhost").match(location.partition("?")[0])[0]
        except HTTPException:
            return location


def weak(answer):
    """What is not strict in the headers of an answer (ASVS 3.4)."""
    headers = answer.headers
    parts = headers.get("Content-Security-Policy", "default-src").split(";")
    policy = {part.split()[0]: part.split()[1:] for part in parts}
    sources = {source for listed in policy.values() for source in listed}
    return [fault for fault, so in (
        ("no policy of content by default", policy.get("default-src") != ["'none'"]),
        ("unsafe policy of content", any(source.startswith("'unsafe") for source in sources)),
        ("content from anywhere", not sources <= {"'none'", "'self'", "data:"}),
        ("scripts from anywhere", policy.get("script-src") != ["'self'"]),
        ("frames", policy.get("frame-ancestors") != ["'none'"]), ("base", policy.get("base-uri") != ["'none'"]),
        ("forms lead away", policy.get("form-action") != ["'self'"]),
        ("types are guessed", headers.get("X-Content-Type-Options") != "nosniff"),
        ("referrer", headers.get("Referrer-Policy") != "no-referrer"),
        ("opener", headers.get("Cross-Origin-Opener-Policy") != "same-origin"),
        ("kept", "no-store" not in headers.get("Cache-Control", "") and not may_be_kept(answer)),
        ("other origins", "Access-Control-Allow-Origin" in headers), ("powered by", "X-Powered-By" in headers)) if so]


def may_be_kept(answer):
    """Files, the list of communes and our public keys name nobody."""
    return answer.request.path.startswith(("/static/", "/theme/", "/communes", "/franceconnect/cles"))


def lines(doors):
    """The whole matrix: under each address, the methods that answer alike, and who hears what."""
    for rules in doors.rules():
        yield f"{rules[0].rule}  {' '.join(sorted({rule.endpoint for rule in rules}))}"
        served, alike = set().union(*(rule.methods for rule in rules)), defaultdict(list)
        for method in METHODS:
            roles = ROLES if method.partition("+")[0] in served - {"OPTIONS"} else ROLES[:1]
            alike[heard(doors, method, rules[0], roles)].append(method)
        yield from (f"    {' '.join(methods)}: {answers}" for answers, methods in alike.items())


def heard(doors, method, rule, roles):
    """`200 voter · 404 officer commune`: who hears what. A method that is not served is asked once."""
    address, who = doors.address(rule), defaultdict(list)
    sent = {"data": doors.form(rule)} if method == TOKEN else {}
    for role in roles:
        who[doors.said(doors.ask(role, method, address, **sent))].append(str(role))
    return " · ".join(said if len(who) == 1 else f"{said} {' '.join(found)}" for said, found in sorted(who.items()))


def matrix():
    with tempfile.TemporaryDirectory() as folder:
        return "\n".join((*lines(Doors(folder)), ""))


if __name__ == "__main__":
    SQLITE_PRAGMAS["synchronous"] = "off"
    FROZEN.write_text(matrix())
    sys.exit()
