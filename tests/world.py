"""The whole product on loopback, in this process: portal, stand-in FranceConnect, mailbox, and people for each screen.

Its database is SQLite: engines do not change what is seen, and the journeys run on both.
"""
import contextlib
import datetime
import socket
import threading
from functools import cached_property

import pyotp
import waitress
from flask import abort
from waitress import wasyncore
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from app import create_app
from demo import samples
from demo.franceconnect import create_provider
from demo.identities import IDENTITIES
from demo.mailbox import create_mailbox
from demo.plus import PlusProvider
from demo.tokens import pairwise_sub
from models import (LIVE, Agent, Commune, Event, Job, Mail, Passage, Passkey, Procuration, Role, Rules, Scrutin, Status,
                    Tour, Voter, WebSession, database, now)
from portal import (access, accounts, addresses, commune_list, first_doors, mandataires, procedure, resiliation,
                    retrouver, second_factor, worker)
from portal.database import migrations, open_database
from portal.error_pages import bare
from portal.pages.certifiee import PlusDown
from portal.pages.franceconnect import FranceConnectDown
from portal.pages.proconnect import ProConnectDown
from portal.settings import Settings, use
from portal.single_use import token_of
from tests import factories, plus, pro
from tests.engines import LOOPBACK
from tests.factories import a_mandataire, a_procuration, a_voter, an_agent, an_officer, fresh, log_in

SECRET = "c" * 64
LONG = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" * 2 + "ABCDEFGH"  # 60 letters and no place to cut
HARD = {  # what is hard about a person: how they are called
    "soixante lettres": {"birth_name": LONG, "used_name": LONG[::-1], "first_names": LONG.title()},
    "une lettre": {"birth_name": "O", "first_names": "Y", "sex": "X"},
    "quatre prénoms": {"birth_name": "VANDENBROUCKE-CHARPENTIER DE LA ROCHEFONTAINE-MONTCLAIREAU",
                       "used_name": "D’ORVALLON DE L’AUBÉPINE-D’ARC",
                       "first_names": "Maximilien Théodore Emmanuel Barthélemy"},
    "de droite à gauche": {"birth_name": "בן־דוד القاسم", "first_names": "مريم שרה", "birth_date": "1953-00-00"},
    "sans courriel": {"birth_name": "ORSATELLI", "first_names": "Angèle-Marie", "email": None, "birth_place": "",
                      "birth_country": "99352"},
}


class World:
    """Opened with `with`: `url` is the portal's, `standin` FranceConnect's and the mailbox's."""

    def __init__(self, folder):
        self.folder, self.closing = folder, contextlib.ExitStack()
        self.url, self.standin = _address(portal := _listening()), _address(provider := _listening())
        self.listening = portal, provider
        self.settings = use(Settings(
            database_url=f"sqlite:///{folder / 'world.db'}", secret_key="s" * 64, journal_key="j" * 64,
            base_url=self.url, mail_url=f"mailbox:{folder / 'courriels'}",
            franceconnect_issuer=f"{self.standin}/api/v2", franceconnect_client_secret=SECRET,
            shared_networks=LOOPBACK, **plus.settings_of(f"{self.standin}/plus/api/v2"),
            **pro.settings_of(f"{self.standin}/pro/api/v2")))

    def __enter__(self):
        open_database(self.settings.database_url)
        with contextlib.chdir(self.folder):
            self._people_it()
        self.app = create_app(self.settings)
        _add_errors(self.app)
        self._serve(self.app, self.listening[0])
        self._serve(DispatcherMiddleware(self._provider(), {
            "/courriels": create_mailbox(str(self.folder / "courriels")), "/plus": self._plus(),
            "/pro": self._pro()}), self.listening[1])
        database.connect(reuse_if_open=True)
        return self

    def __exit__(self, *error):
        self.closing.close()
        database.close()

    def _people_it(self):
        migrations().up()
        commune_list.import_communes()
        self.password = samples.load()
        worker.run_once()  # the mailbox is full

    def _provider(self):
        return create_provider(self.standin, self.settings.franceconnect_client_id, SECRET,
                               [f"{self.url}/franceconnect/retour"], [f"{self.url}/"], faults=True)

    def _plus(self, **options):
        return create_provider(f"{self.standin}/plus", plus.CLIENT, plus.SECRET,
                               [f"{self.url}/franceconnect/retour-certifie"], [f"{self.url}/deconnexion/suite"],
                               kind=PlusProvider, client_keys=f"{self.url}/franceconnect/cles", faults=True,
                               **options)

    def _pro(self):
        return create_provider(f"{self.standin}/pro", pro.CLIENT, pro.SECRET, [f"{self.url}/proconnect/retour"],
                               [f"{self.url}/connexion"], faults=True, **pro.KIND)

    def _serve(self, app, listening):
        connections = {}
        server = waitress.create_server(app, map=connections, sockets=[listening], threads=4, ident=None)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        self.closing.callback(server.task_dispatcher.shutdown)
        self.closing.callback(thread.join, 5)
        # In the server's own thread, where closing its connections ends its loop.
        self.closing.callback(server.trigger.pull_trigger,
                              lambda: wasyncore.close_all(connections, ignore_all=True))

    def cookie(self, **who):
        """The cookie of somebody logged in (`voter` or `agent`), as browsers keep it."""
        client = self.app.test_client()
        log_in(client, **who)
        name = self.app.config["SESSION_COOKIE_NAME"]
        return {"name": name, "value": client.get_cookie(name).value, "url": self.url}

    def endpoint(self, address):
        """What a path of the portal leads to."""
        return self.app.url_map.bind("localhost").match(address.partition("?")[0])[0]

    # --- Who ---

    def agent(self, login):
        """One of the demonstration's accounts: its screens are full."""
        return Agent.get(Agent.email == f"{login}@{samples.DOMAIN}")

    def new_officer(self):
        return an_officer(first_name="Morgan", last_name="Exemple", unit="Commissariat de démonstration")

    def new_voter(self, **columns):
        """Always another person, whatever the name."""
        return a_voter(**{"birth_name": "LEFÈVRE-SPÉCIMEN", "first_names": "Camille Jeanne",
                          "birth_date": another_day(), **columns})

    @cached_property
    def mandant(self):
        """Somebody with a file in each state."""
        return self.new_voter()

    @cached_property
    def suspended(self):
        """An officer who guessed too often."""
        return an_officer(last_name="Verrou", look_up_suspended_at=now())

    @cached_property
    def colleague(self):
        return an_agent(commune=self.lyon)

    @cached_property
    def guarded(self):
        """Who logs in with factories.PASSWORD and a code, or with a passkey."""
        agent = an_agent(commune=self.lyon)
        secret = second_factor.enrolled_secret(agent, second_factor.begin_enrolment(agent))
        second_factor.enrol(agent, secret, pyotp.TOTP(secret).now())
        Passkey.create(agent=agent, credential="eA", public_key="eA", name="Téléphone de la mairie")
        return Agent.get_by_id(agent.id)

    @property
    def passkey(self):
        return Passkey.get(Passkey.agent == self.guarded)

    @cached_property
    def invitation(self):
        return accounts.invite(an_agent(Role.MANAGER, self.lyon, password_hash=None))

    # --- What ---

    @cached_property
    def lyon(self):
        return Commune.get_by_id(samples.HOME)

    @cached_property
    def scrutin(self):
        return Scrutin.get(Scrutin.name.startswith(samples.SCRUTIN))

    @cached_property
    def tour(self):
        return self.scrutin.tours.order_by(Tour.number).first()

    @cached_property
    def tour_day(self):
        return self.tour.days.first()

    @cached_property
    def rules(self):
        return Rules.create(territory="988", same_commune=True)

    @cached_property
    def files(self):
        """The mandant's file in each state, by state: those that live last, each on a tour of its own."""
        first, second = self.scrutin.tours.order_by(Tour.number)
        tours = {Status.VALIDEE: [first], Status.ETABLIE: [second]}
        ended = [status for status in Status if status not in (*LIVE, Status.DEPOSEE)]
        return {status: self.file(status, self.mandant, tours=tours.get(status, [first, second]))
                for status in (*ended, *tours, Status.DEPOSEE)}

    def known(self, login):
        """The file that the demonstration made for one of its identities."""
        identity = next(one for one in IDENTITIES if one.login == login)
        sub = pairwise_sub(self.settings.franceconnect_client_id, identity)
        return Procuration.select().join(Voter).where(Voter.sub == sub).order_by(Procuration.id).first()

    @cached_property
    def act(self):
        """The last establishment of the demonstration's officer."""
        return (Passage.select().join(Procuration)
                .where(Passage.agent == self.agent("officier"), Passage.act == "etablir",
                       Procuration.status == Status.ETABLIE).order_by(Passage.id.desc()).first())

    @cached_property
    def fresh_file(self):
        return self.file("etablie")

    @cached_property
    def changed_address(self):
        """A request whose address is not FranceConnect's."""
        return self.file(email="ailleurs@exemple.fr")

    @property
    def address_token(self):
        return _token(self.changed_address)

    @property
    def other_address_token(self):
        return _token(self.file(email="autrement@exemple.fr"))

    def file(self, status="deposee", voter=None, **columns):
        """A file of its own, in `status`."""
        number = next(factories.NUMBERS)
        mandataire = a_mandataire(birth_name=f"EXEMPLE-{factories.letters(number).upper()}", first_names="Sacha Léo",
                                  commune=self.lyon)
        return a_procuration(status, voter or self.new_voter(), officer=self.new_officer(),
                             **{"scrutin": self.scrutin, "mandataire": mandataire, "commune": self.lyon, **columns})

    @cached_property
    def hard_town(self):
        """A town whose mandants and mandataires are all hard to lay out."""
        town = Commune.get_by_id("97209")
        for columns in HARD.values():
            for status, tour in zip((Status.ETABLIE, Status.VALIDEE), self.scrutin.tours):
                self.hard_file(columns, status, commune=town, tours=[tour])
        return town

    def hard_file(self, columns, status="deposee", voter=None, **more):
        """A file whose two people are called so."""
        named = {name: columns[name] for name in ("birth_name", "first_names")}
        mandataire = a_mandataire(**named, commune=None, nne="123456789",
                                  birth_date=f"{1900 + next(factories.NUMBERS) % 100}-01-02")
        return self.file(status, voter or self.new_voter(**columns), mandataire=mandataire,
                         **more)

    @cached_property
    def paper_act(self):
        """Typed by the town hall a moment ago, before an act that it made lose its place."""
        mandataire = a_mandataire(birth_name="EXEMPLE-PAPIER", commune=self.lyon)
        self.file("etablie", mandataire=mandataire)
        acte = factories.an_acte(self.scrutin, mandataire=mandataire, mandant=factories.somebody(
            birth_name="LEFÈVRE-SPÉCIMEN", first_names="Camille Jeanne", birth_date="1936-05-17"))
        return procedure.saisir(acte, self.agent("mairie"))

    def rivals(self, status="etablie"):
        """Two files for one mandataire: the second stands without a place."""
        mandataire = a_mandataire(birth_name="EXEMPLE-COURTISÉ", first_names="Sacha Léo", commune=self.lyon,
                                  birth_date=another_day())
        return self.file("etablie", mandataire=mandataire), self.file(status, mandataire=mandataire)

    @cached_property
    def blocked(self):
        return self.rivals()[1]

    @cached_property
    def reopened(self):
        """Invalidated, and its mandataire votes for somebody else since."""
        file, other = self.rivals()
        procedure.invalider(fresh(file), self.agent("mairie"), "mandant_non_inscrit")
        procedure.attribuer(fresh(other), self.agent("mairie"))
        return file

    @cached_property
    def alerted(self):
        """Something happened to each, by its name."""
        first, freed = self.rivals()
        procedure.annuler(fresh(first), self.agent("mairie"), "perte_des_droits")
        lost = Procuration.get(Procuration.attention == "place_perdue", Procuration.status == Status.VALIDEE)
        files = {"place_libre": freed, "place_perdue": lost}
        for why in set(Procuration.ATTENTIONS) - set(files):
            files[why] = self.file("validee")
            Procuration.update(attention=why).where(Procuration.id == files[why].id).execute()
        return files

    @cached_property
    def letter(self):
        file = self.file("validee", self.new_voter(email=None))
        return Mail.get(Mail.procuration == file, Mail.state == "letter")

    @cached_property
    def mail(self):
        """One the server refused for good."""
        Mail.update(state="dead", error="550 utilisateur inconnu").where(Mail.id == 1).execute()
        return Mail.get_by_id(1)

    @cached_property
    def task(self):
        """The one that failed, beside one under way, one that nobody takes up and one that ended."""
        day = datetime.timedelta(days=1)
        for columns in ({"name": "couvrir", "subject": "7", "ended_at": now()},
                        {"name": "lire_liste", "subject": "12", "due_at": now(), "done": 64_000, "total": 100_000,
                         "began_at": now(), "lease_until": now() + day},
                        {"name": "dossiers", "subject": "-", "due_at": now() - day}):
            Job.create(**columns)
        return Job.create(name="revoir", subject="-", due_at=now(), error="OperationalError")

    @cached_property
    def event(self):
        return Event.select().order_by(Event.id).first()

    @cached_property
    def ending(self):
        """A validated file whose mandant asked for a résiliation."""
        file = self.file("validee")
        resiliation.demander(file, file.voter)
        return file

    @cached_property
    def renamed(self):
        """Somebody to whom `found_token` leads back a request, filed under another birth name."""
        former = self.file(voter=self.new_voter(birth_name="ANCIEN-SPÉCIMEN"))
        voter = self.new_voter(birth_date=former.mandant.birth_date)
        retrouver.search(former.reference.code, voter)
        return voter

    @property
    def found_token(self):
        link = self.renamed and Mail.get(Mail.name == retrouver.MAIL)
        return token_of(link.context["draw"], retrouver.KIND)

    def invited_mairie(self, code):
        """The token of the link its mairie received."""
        Commune.update(email="mairie@exemple.fr").where(Commune.code == code).execute()
        first_doors.invite(self.agent("ministere"), Commune.get_by_id(code), anyway=True)
        return self.last_token(first_doors.INVITED, first_doors.KIND)

    @staticmethod
    def last_token(name, kind):
        mail = Mail.select().where(Mail.name == name).order_by(Mail.id.desc()).first()
        return token_of(mail.context["draw"], kind)

    @cached_property
    def mairie_token(self):
        return self.invited_mairie("06088")

    @cached_property
    def asked_mairie(self):
        """The tokens of a mairie that named somebody, and of whom it named."""
        token = self.invited_mairie("33063")
        first_doors.name(token, {"first_name": "Camille", "last_name": LONG, "email": "camille@mairie.example",
                                 "quality": "adjoint ou adjointe au maire", "delegated_from": "2026-04-01",
                                 "delegated_until": "2032-03-31"})
        return token, self.last_token(first_doors.PROVE, first_doors.OWN)

    @property
    def mandataire_token(self):
        """Of the link that a mandataire received, another each time."""
        number = next(factories.NUMBERS)
        file = self.file("etablie", mandataire=a_mandataire(
            birth_name=f"EXEMPLE-{factories.letters(number).upper()}", email=f"sacha{number}@exemple.fr"))
        return token_of(Mail.get(Mail.procuration == file, Mail.name == mandataires.MAIL).context["draw"],
                        mandataires.KIND)

    @property
    def decided(self):
        """A decided file of the demonstration's town."""
        return Procuration.get(Procuration.commune == self.lyon, Procuration.status == Status.VALIDEE)

    def id_token(self):
        """FranceConnect's, of the last voter who came through it."""
        return (WebSession.select().where(WebSession.id_token.is_null(False))
                .order_by(WebSession.started_at.desc()).first().id_token)


def another_day():
    """Of birth: 720 of them, so that nobody votes twice."""
    rest, year = divmod(next(factories.NUMBERS), 60)
    return f"{1940 + year}-{rest % 12 + 1:02}-17"


def _token(file):
    """Of the link sent to the address of a file."""
    link = Mail.get(Mail.procuration == file, Mail.name == addresses.MAIL)
    return token_of(link.context["draw"], addresses.KIND)


def _listening():
    return socket.create_server(("127.0.0.1", 0))


def _address(listening):
    return f"http://localhost:{listening.getsockname()[1]}"


def _add_errors(app):
    """Addresses that fail in each way, for errors that nothing in a sound portal leads to."""
    @app.get("/erreur/<name>")
    @access.access(access.PUBLIC)
    def erreur(name):
        if down := {"franceconnect": FranceConnectDown, "franceconnect-plus": PlusDown,
                    "proconnect": ProConnectDown}.get(name):
            raise down()
        return (bare("errors/host.html"), 400) if name == "host" else abort(int(name))
