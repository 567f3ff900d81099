"""Rows for tests, made by the services wherever a service makes them: `a_procuration("validee")` has a true history."""
import datetime
import itertools
import secrets
from dataclasses import replace

from flask import session

from models import Agent, Commune, CommuneName, Procuration, Role, Scrutin, Status, Tour, Voter, now
from portal import names, passwords, procedure, sessions
from portal.communes import name_key
from portal.procedure import Acte, Demande, Named

NUMBERS = itertools.count(1)
COMMUNES = {  # code: name, département, zone, postal codes
    "69123": ("Lyon", "69", "Europe/Paris", "69001 69002 69003"),
    "75056": ("Paris", "75", "Europe/Paris", "75001 75011"),
    "46260": ("Sainte-Colombe", "46", "Europe/Paris", "46120"),
    "69189": ("Sainte-Colombe", "69", "Europe/Paris", "69560"),
    "97209": ("Fort-de-France", "972", "America/Martinique", "97200"),
    "98818": ("Nouméa", "988", "Pacific/Noumea", "98800"),
}
EMAIL = "mandant@exemple.fr"
PASSWORD = "une phrase assez longue pour tous"
PASSWORD_HASH = passwords.HASHER.hash(PASSWORD)


def a_commune(code="69123"):
    """One of COMMUNES, with its name."""
    name, departement, zone, postal_codes = COMMUNES[code]
    commune, made = Commune.get_or_create(code=code, defaults={"name": name, "departement": departement, "zone": zone,
                                                               "postal_codes": postal_codes, "population": 1000})
    if made:
        CommuneName.create(commune=commune, name=name, key=name_key(name), kind="actuelle", code=code)
    return commune


def a_scrutin(in_days=30, two_tours=True, **columns):
    """A national scrutin whose first tour is `in_days` from now; its tours are in `.tours`."""
    scrutin = Scrutin.create(**{"name": f"Élections de test {next(NUMBERS)}",
                                "opens_at": now() - datetime.timedelta(days=60), **columns})
    first = now().date() + datetime.timedelta(days=in_days)
    for number in (1, 2) if two_tours else (1,):
        Tour.create(scrutin=scrutin, number=number, day=first + datetime.timedelta(days=7 * (number - 1)))
    return scrutin


def a_voter(**columns):
    number = next(NUMBERS)
    person = {"birth_name": f"Durand-{letters(number)}", "first_names": "Camille Andrée", "sex": "F",
              "birth_date": "1980-05-17", "birth_place": "69123", "birth_country": "99100",
              "email": f"mandant{number}@exemple.fr", "issuer": "https://fc.example", "sub": f"sub-{number}",
              "seen_at": now(), **columns}
    person["key"] = names.person_key(person["birth_name"], person["first_names"], person["birth_date"])
    return Voter.create(**person)


def letters(number):
    """A number as letters: names hold few digits."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def an_agent(role=Role.COMMUNE, commune=None, **columns):
    """An account with PASSWORD. Town-hall roles get Lyon unless `commune` says otherwise."""
    if role in (Role.COMMUNE, Role.MANAGER):
        columns["commune"] = commune or a_commune()
    number = next(NUMBERS)
    return Agent.create(**{"email": f"agent{number}@exemple.fr", "first_name": "Dominique", "last_name": "Martin",
                           "role": role, "password_hash": PASSWORD_HASH, **columns})


def an_officer(**columns):
    return an_agent(Role.OFFICER, **{"quality": "brigadier-chef, APJ", "unit": "Commissariat de Lyon 3e",
                                     "place": "Lyon", **columns})


def a_mandataire(**columns):
    return Named(**{"birth_name": f"Petit-{letters(next(NUMBERS))}", "first_names": "Sacha", "sex": "M",
                    "birth_date": "1975-11-02", "commune": a_commune(), **columns})


def somebody(**columns):
    """A person whom no other file names."""
    return a_mandataire(**{"birth_name": f"Moreau-{letters(next(NUMBERS))}", "commune": None, **columns})


def an_acte(scrutin=None, **columns):
    """A paper act as the town hall types it, established an hour ago."""
    scrutin = scrutin or a_scrutin()
    tours = list(scrutin.tours.order_by(Tour.number))
    return Acte(**{"mandant": somebody(), "mandataire": a_mandataire(), "scrutin": scrutin, "tours": tours,
                   "valid_until": tours[-1].day, "authority": "Claude Mercier, greffière", "authority_place": "Lyon",
                   "established_at": now() - datetime.timedelta(hours=1), **columns})


def a_demande(scrutin=None, commune=None, mandataire=None, **columns):
    """What the form hands to the service: both tours of `scrutin`, or those of `tours`."""
    scrutin = scrutin or a_scrutin()
    tours = list(scrutin.tours.order_by(Tour.number))
    return Demande(**{"commune": commune or a_commune(), "mandataire": mandataire or a_mandataire(), "scrutin": scrutin,
                      "tours": tours, "valid_until": tours[-1].day, "email": EMAIL,
                      "filing_key": secrets.token_hex(16), **columns})


def a_period(until, **columns):
    """A request that names no tour, good for all of them until a day."""
    return replace(a_demande(**columns), scrutin=None, tours=[], valid_until=until)


def a_procuration(status="deposee", voter=None, officer=None, agent=None, demande=None, **columns):
    """A file brought to `status` by the acts that lead there; its mandant keeps FranceConnect's address."""
    demande = demande or a_demande(**{"email": voter.email if voter else EMAIL, **columns})
    procuration = procedure.deposer(demande, voter or a_voter(email=demande.email or EMAIL))
    officer = officer or (an_officer() if status not in ("deposee", "retiree", "caduque") else None)
    agent = agent or an_agent(Role.COMMUNE, procuration.commune)
    for act in PATHS[status]:
        act(fresh(procuration), officer, agent)
    return fresh(procuration)


PATHS = {
    Status.DEPOSEE: (),
    Status.RETIREE: (lambda file, officer, agent: procedure.retirer(file, file.voter),),
    Status.REFUSEE: (lambda file, officer, agent: procedure.refuser(file, officer, "piece_non_probante"),),
    Status.CADUQUE: (lambda file, officer, agent: procedure.perimer(file),),
    Status.ETABLIE: (lambda file, officer, agent: procedure.etablir(file, officer),),
}
for _status, _act in (
        (Status.VALIDEE, lambda file, officer, agent: procedure.valider(file, agent)),
        (Status.INVALIDEE, lambda file, officer, agent: procedure.invalider(file, agent, "mandant_non_inscrit")),
        (Status.ANNULEE, lambda file, officer, agent: procedure.annuler(file, agent, "deces_du_mandataire")),
        (Status.RESILIEE, lambda file, officer, agent: procedure.resilier(file, officer))):
    PATHS[_status] = (*PATHS[Status.ETABLIE], _act)


def fresh(procuration):
    """The row as the database has it now."""
    return Procuration.get_by_id(procuration.id)


def log_in(client, *, voter=None, agent=None):
    """Give the test client's cookie a session of `voter` or `agent`, as the log-in pages would."""
    with client.application.test_request_context():
        sessions.begin(voter=voter, agent=agent)
        carried = dict(session)
    with client.session_transaction() as cookie:
        cookie.clear()
        cookie.update(carried)
