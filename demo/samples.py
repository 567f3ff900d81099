"""Sample people and files, all invented: a scrutin ahead, an account of each role, procurations in each state.

Everything that has a history is made by the services, so that the history is true. Loading twice changes nothing.
"""
import datetime
import secrets
from pathlib import Path

from demo.agents import DOMAIN, LYON, MARSEILLE, MINISTRY, POLICE
from demo.cases import Cases, import_roll, invented
from demo.identities import IDENTITIES, PEOPLE
from demo.tokens import pairwise_sub
from models import Agent, Commune, Procuration, Role, Rules, Scrutin, Tour, TourDay, now
from portal import accounts, procedure, scrutins, settings, voters
from portal.procedure import CLOCK, Demande, Named

SCRUTIN = "Scrutin d’essai"
PASSWORD_FILE = Path("var/demo_password")
HOME = "69123"
SATURDAY_VOTERS = ("971", "972", "973", "975", "977", "978", "987")  # they vote the day before
AGENTS = (
    ("officier", Role.OFFICER, {"first_name": "Morgan", "last_name": "Exemple", "quality": "brigadier-chef, APJ",
                                "unit": "Commissariat de démonstration", "place": "Lyon", "siret": POLICE},
     None),
    ("mairie", Role.COMMUNE, {"first_name": "Dominique", "last_name": "Exemple",
                              "quality": "agent du service des élections", "siret": LYON}, HOME),
    ("maire", Role.MANAGER, {"first_name": "Alix", "last_name": "Exemple", "quality": "adjointe au maire",
                             "siret": LYON}, HOME),
    ("autre.mairie", Role.COMMUNE, {"first_name": "Maxime", "last_name": "Exemple",
                                    "quality": "agent du service des élections", "siret": MARSEILLE}, "13055"),
    ("suspendue", Role.COMMUNE, {"first_name": "Claude", "last_name": "Exemple", "siret": LYON}, HOME),
    ("ministere", Role.MINISTRY, {"first_name": "Lou", "last_name": "Exemple", "siret": MINISTRY}, None),
)
FIRST_NAMES = ("Jeanne", "Loïc", "Zoé", "François", "Anaïs", "Gaël", "Noémie", "Rémi", "Héloïse", "Timothée", "Maëlys",
               "Célestin", "Inès", "Ulysse", "Margaux", "Augustin")  # of a woman, of a man, and so on
BIRTH_NAMES = ("EXEMPLE-BERNARD", "DE LA FICTION", "L’INVENTÉE", "ÉCHANTILLON", "SPÉCIMEN", "D’ESSAI", "IMAGINAIRE",
               "FAUX-SEMBLANT", "PROTOTYPE", "MAQUETTE", "ŒUVRE-FICTIVE", "PSEUDONYME", "ANONYME-DUPONT", "DÉMO")
KNOWN = {"morvan": "validee", "bellerose": "deposee", "benhaddou": "invalidee"}  # who finds a file when logging in
UNLISTED = range(17, 60, 9)  # people of the samples who are on no roll: their files wait for the commune
STATES = (  # how many files reach each state; the rest of the queue waits for the commune
    ("deposee", 3), ("retiree", 1), ("refusee", 1), ("caduque", 1), ("etablie", 24), ("validee", 4), ("invalidee", 2),
    ("annulee", 1), ("resiliee", 1),
)


def load():
    """Add what is missing. Returns the password of the sample accounts."""
    password = _password()
    scrutin = Scrutin.get_or_none(Scrutin.name == _name_of_scrutin()) or _open_scrutin()
    agents = {name: _agent(name, role, columns, commune, password) for name, role, columns, commune in AGENTS}
    if not agents["suspendue"].suspended_at:
        accounts.suspend(CLOCK, agents["suspendue"])
    if not Procuration.select().where(Procuration.scrutin == scrutin).exists():
        _file_samples(scrutin, agents["officier"], agents["mairie"])
    return password


def _password():
    if not PASSWORD_FILE.exists():
        PASSWORD_FILE.parent.mkdir(exist_ok=True)
        PASSWORD_FILE.write_text("-".join(secrets.token_hex(3) for _ in range(4)))
    return PASSWORD_FILE.read_text()


def _first_day():
    """A Sunday at least six weeks ahead, the same for a quarter of a year: a restart meets the same scrutin."""
    quarter = datetime.date.today().replace(day=1, month=(datetime.date.today().month - 1) // 3 * 3 + 1)
    ahead = quarter + datetime.timedelta(days=135)
    return ahead + datetime.timedelta(days=6 - ahead.weekday())


def _name_of_scrutin():
    return f"{SCRUTIN} {_first_day():%m/%Y}"


def _open_scrutin():
    scrutin = Scrutin.create(name=_name_of_scrutin(), opens_at=now() - datetime.timedelta(days=1))
    for number in (1, 2):
        day = _first_day() + datetime.timedelta(days=7 * (number - 1))
        tour = Tour.create(scrutin=scrutin, number=number, day=day)
        for territory in SATURDAY_VOTERS:
            TourDay.create(tour=tour, territory=territory, day=day - datetime.timedelta(days=1))
    Rules.create(scrutin=scrutin, mode="assisted", certified_identity=True)
    return scrutin


def _agent(name, role, columns, commune, password):
    email = f"{name}@{DOMAIN}"
    known = Agent.get_or_none(Agent.email == email)
    if known:
        return known
    agent, token = accounts.create(CLOCK, email=email, role=role, commune=commune, **columns)
    return accounts.choose_password(token, password)


def _file_samples(scrutin, officer, agent):
    import_roll(_electors(), Commune.get_by_id(HOME))
    people = _people()
    tours = list(scrutin.tours.order_by(Tour.number))
    for status, count in STATES:
        for _ in range(count):
            _bring_to(status, _file(invented(next(people), HOME), next(people), scrutin, tours), officer, agent)
    for identity in IDENTITIES:
        if identity.login in KNOWN:
            _bring_to(KNOWN[identity.login], _file(_known(identity), next(people), scrutin, tours), officer, agent)
    Cases(people, _known, scrutin, HOME, officer, agent).make()


def _electors():
    """Who is on the roll: nearly all people of the samples, and who may log in with a whole identity."""
    yield from (person for number, person in enumerate(_people()) if number not in UNLISTED)
    for identity in PEOPLE:
        if identity.family_name and identity.given_names and identity.gender and identity.idp_birthdate:
            yield Named(birth_name=identity.family_name, first_names=identity.given_name,
                        sex=identity.gender[0].upper(), birth_date=identity.idp_birthdate)


def _people():
    """Invented namings, none twice."""
    for number in range(len(FIRST_NAMES) * len(BIRTH_NAMES)):
        year = 1950 + number % 50
        yield Named(birth_name=BIRTH_NAMES[number % len(BIRTH_NAMES)],
                    first_names=f"{FIRST_NAMES[number % len(FIRST_NAMES)]} {FIRST_NAMES[(number * 5 + 2) % 16]}",
                    sex="FM"[number % 2], birth_date=f"{year}-{number % 12 + 1:02}-{number % 28 + 1:02}",
                    commune=Commune.get_by_id(HOME))


def _file(voter, mandataire, scrutin, tours):
    commune = Commune.get_by_id(HOME)
    chosen = tours[:1] if voter.sex == "M" else tours
    return procedure.deposer(Demande(
        commune=commune, mandataire=mandataire, scrutin=scrutin, tours=chosen,
        valid_until=max(scrutins.day_of(tour, commune) for tour in chosen),
        email=voter.email, filing_key=secrets.token_hex(16)), voter)


def _known(identity):
    """The voter the stand-in FranceConnect will send when this identity logs in."""
    configured = settings.active()
    sub = pairwise_sub(configured.franceconnect_client_id, identity)
    return voters.recognise(configured.franceconnect_issuer, sub, identity.claims())


def _bring_to(status, procuration, officer, agent):
    if status == "retiree":
        procedure.retirer(procuration, procuration.voter)
    elif status == "refusee":
        procedure.refuser(procuration, officer, "piece_non_probante")
    elif status == "caduque":
        procuration.lapses_at = now()  # the mail tells that day
        procedure.perimer(procuration)
    elif status != "deposee":
        procedure.etablir(procuration, officer)
        _decide(status, procuration, officer, agent)


def _decide(status, procuration, officer, agent):
    if status == "validee":
        procedure.valider(procuration, agent)
    elif status == "invalidee":
        procedure.invalider(procuration, agent, "mandataire_non_inscrit", "Mandataire introuvable sur la liste.")
    elif status == "annulee":
        procedure.annuler(procuration, agent, "deces_du_mandataire")
    elif status == "resiliee":
        procedure.resilier(procuration, officer)
