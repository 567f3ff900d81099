"""One sample file for each case that town halls ask about, and the sample roll that its checks look into. All invented.

The roll is left in `var/`, where it can be sent again from the page of the rolls.
"""
import csv
import datetime
import itertools
import secrets
import time
from dataclasses import replace
from pathlib import Path

from demo.identities import CASES
from models import Commune, Procuration, Tour, Voter, now
from portal import procedure, resiliation, roll_import, scrutins
from portal.procedure import CLOCK, Acte, Demande, Named

ROLL = Path("var/liste-electorale-exemple.csv")
HEADERS = (
    "code de l’ugle", "libellé de l’ugle", "libellé du type de liste", "nom de naissance", "nom d’usage", "prénoms",
    "sexe", "date de naissance", "code commune de naissance", "libellé commune de naissance",
    "code département de naissance", "pays de naissance", "libellé nationalité", "numéro de voie", "libellé de voie",
    "complément 1", "complément 2", "lieu-dit", "code postal", "commune", "pays", "code du bureau de vote",
    "libellé du bureau de vote", "code circonscription législative du bureau de vote",
    "libellé canton du bureau de vote", "libellé circonscription métropolitaine du bureau de vote",
    "numéro d’ordre dans le bureau de vote")
STATIONS = (("0101", "École d’exemple"), ("0102", "Gymnase d’exemple"), ("0203", "Mairie annexe d’exemple"))
DAY = datetime.timedelta(days=1)
AUTHORITY = "Claude Exemple, adjudante, OPJ"


class Cases:
    """Made by the services, in one scrutin and one commune, for the people of demo.identities.CASES: `known` gives the
    voter of one. `people` are namings not used yet.
    """

    def __init__(self, people, known, scrutin, commune, officer, agent):
        self.people, self.scrutin, self.commune = people, scrutin, Commune.get_by_id(commune)
        self.mandants = {identity.login.removeprefix("cas-"): known(identity) for identity in CASES}
        self.officer, self.agent = officer, agent
        self.tours = list(scrutin.tours.order_by(Tour.number))

    def make(self):
        self.without_a_place()
        self.for_the_second_tour_only()
        self.homonym()
        self.on_paper()
        self.older_on_paper()
        self.without_a_visit()
        self.asked_to_end()
        self.lapsed()

    # --- The cases ---

    def without_a_place(self):
        """Two acts for one mandataire: the second stands without a place."""
        mandataire = next(self.people)
        self.established(mandataire)
        self.established(mandataire, "sans-place")

    def for_the_second_tour_only(self):
        """The mandataire votes for somebody else at the first tour."""
        mandataire = next(self.people)
        self.established(mandataire, tours=self.tours[:1])
        procedure.valider(self.established(mandataire, "second-tour"), self.agent)

    def homonym(self):
        """The roll knows two mandataires of that name, see `twin`."""
        self.established(self.twin, "homonyme")

    twin = Named("HOMONYME-EXEMPLE", "Claude", "M", "1962-00-00")

    def on_paper(self):
        """Typed by the town hall; its mandant gave no address and is told by a letter."""
        mandant = self.mandants["papier"]
        named = Named(mandant.birth_name, mandant.first_names, mandant.sex, mandant.birth_date)
        procedure.valider(self.typed(named, next(self.people), now() - DAY), self.agent)

    def older_on_paper(self):
        """It takes the place of an act that was established after it."""
        mandataire = next(self.people)
        procedure.valider(self.established(mandataire, "papier-anterieur"), self.agent)
        self.typed(next(self.people), mandataire, now() - 2 * DAY)

    def without_a_visit(self):
        """Its mandataire's mail leaves a quarter of an hour later."""
        file = self.filed(replace(next(self.people), email="mandataire.cas@example.org"), "sans-visite")
        procedure.etablir(file, file.voter, {
            "acr": "eidas2", "auth_time": int(time.time()), "issuer": "echantillon", "sub": "0" * 64, "at_hash": "",
            "at": now().isoformat(timespec="seconds")})

    def asked_to_end(self):
        """The mandant will present a second reference."""
        file = self.established(next(self.people), "resiliation")
        procedure.valider(file, self.agent)
        resiliation.demander(file, file.voter)

    def lapsed(self):
        file = self.filed(next(self.people), "caduque")
        file.lapses_at = now()          # the mail tells that day
        procedure.perimer(file)

    # --- Their acts ---

    def filed(self, mandataire, case=None, tours=None):
        tours = tours or self.tours
        voter = self.mandants[case] if case else invented(next(self.people), self.commune.code)
        return procedure.deposer(Demande(
            commune=self.commune, mandataire=mandataire, scrutin=self.scrutin, tours=tours, email=voter.email,
            valid_until=max(scrutins.day_of(tour, self.commune) for tour in tours),
            filing_key=secrets.token_hex(16)), voter)

    def established(self, mandataire, case=None, tours=None):
        file = self.filed(mandataire, case, tours)
        procedure.etablir(file, self.officer)
        return Procuration.get_by_id(file.id)

    def typed(self, mandant, mandataire, at):
        file = procedure.saisir(Acte(
            mandant=mandant, mandataire=mandataire, scrutin=self.scrutin, tours=self.tours,
            valid_until=self.tours[-1].day, authority=AUTHORITY, authority_place="Villeurbanne", established_at=at),
            self.agent)
        return Procuration.get_by_id(file.id)


def invented(person, birth_place):
    """A voter nobody will log in as."""
    return Voter.create(issuer="echantillon", sub=person.key, birth_name=person.birth_name, sex=person.sex,
                        first_names=person.first_names, birth_date=person.birth_date, birth_place=birth_place,
                        birth_country="99100", email="echantillon@demo.maprocuration.example", seen_at=now(),
                        key=person.key)


# --- The roll -------------------------------------------------------------------------------------------------------

def import_roll(people, commune):
    """A roll of `people`, with two homonyms; the file stays for whoever wants to send it."""
    ROLL.parent.mkdir(exist_ok=True)
    twins = [Cases.twin, Named("HOMONYME-EXEMPLE", "Claude", "M", "1962-03-09")]
    with ROLL.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter=";", lineterminator="\n")
        rows.writerow(HEADERS)
        rows.writerows(line(commune, person, number) for number, person in enumerate([*people, *twins]))
    roll_import.import_file(commune, ROLL, CLOCK)


def line(commune, person, number):
    station, label = STATIONS[number % len(STATIONS)]
    born = "/".join(reversed(person.birth_date.split("-")))
    return (commune.code, commune.name, "Liste principale", person.birth_name, "", person.first_names, person.sex, born,
            *itertools.repeat("", 13), station, label, "", "", "", number + 1)
