"""The usual checks of an established file, each a verdict with its evidence: what a town hall looks at (design 5).

Pure functions of facts that `portal.verdicts` loads. Evidence is JSON and names nobody: templates make sentences of it.
What the rolls, the dates or the act leave open is `TO_VERIFY`; what is certain against the law is `KO`.
"""
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

from models import LIVE, Procuration, Rules, Tour
from portal import law, scrutins

OK, KO, TO_VERIFY, NOT_APPLICABLE = "ok", "ko", "to_verify", "not_applicable"
GRAVEST_FIRST = (KO, TO_VERIFY, OK, NOT_APPLICABLE)
MAJORITY = relativedelta(years=18)                      # L. 72, L. 2: on the eve of the poll
REASONS = {                                             # of the closed list, where a certain fault has one
    "mandant_listed": "mandant_non_inscrit", "mandataire_listed": "mandataire_non_inscrit",
    "same_commune": "autre_commune", "period": "duree_illegale", "authority": "autorite_non_habilitee",
    "sole_act": "acte_anterieur", "place": "plafond_atteint"}
BY_TOUR = ("sole_act", "place")
BY_ROLL = ("mandant_listed", "mandataire_listed", "same_commune")


class Verdict(NamedTuple):
    check: str
    verdict: str
    evidence: dict = {}


class Search(NamedTuple):
    """What the rolls say of a person: `found` are the candidates, one list of matches a roll, whose kind is in `kinds`.

    `where` was searched, a commune's label, None for every roll of the country. `looked` at so many rolls; `whole` when
    they were all those that vote, and recent: who is not found then is not on them.
    """

    found: tuple = ()
    kinds: tuple = ()
    where: str | None = None
    looked: int = 0
    whole: bool = False


class OnTour(NamedTuple):
    """The file on a tour it covers. `given`: another act of the mandant holds it; `free`: a place is there to be taken;
    `tied`: whose acts ("mandant", "mandataire") of the same day, where one says no hour, may have come first."""

    tour: Tour
    day: date
    rules: Rules
    place: int | None = None
    given: bool = False
    free: bool = False
    tied: tuple = ()


@dataclass(frozen=True)
class Facts:
    """`file` with its people, officer and commune; its tours in the order of their days; today in its commune."""

    file: Procuration
    today: date
    tours: list = field(default_factory=list)
    mandant: Search = Search()
    mandataire: Search = Search()

    @property
    def day_of_the_act(self):
        return scrutins.local_day(self.file.established_at, self.file.commune)


def usual(facts):
    """Every check, in the order a town hall makes them; those of a tour once a tour."""
    return [mandant_listed(facts), mandataire_listed(facts), same_commune(facts), somebody_else(facts), of_age(facts),
            period(facts), authority(facts),
            *(check(facts, on) for on in facts.tours for check in (sole_act, place))]


def gravest(verdicts):
    return min((one.verdict for one in verdicts), key=GRAVEST_FIRST.index)


def proposed(verdicts):
    """What the checks leave no doubt about: ("valider", None), ("invalider", reason), or None: somebody must look.

    A file that holds a place on some of its tours is valid for them (L. 73), and only without any at fault.
    """
    of_the_file = [one for one in verdicts if one.check not in BY_TOUR]
    of_tours = [one for one in verdicts if one.check in BY_TOUR]
    faults = [one for one in of_the_file if one.verdict == KO]
    if faults:
        return _invalid(faults)
    if any(one.verdict == TO_VERIFY for one in verdicts):
        return None
    if any(one.check == "place" and one.verdict == OK for one in of_tours):
        return "valider", None
    return _invalid([one for one in of_tours if one.verdict == KO])


def _invalid(faults):
    reason = next((REASONS[one.check] for one in faults if one.check in REASONS), None)
    return ("invalider", reason) if reason else None


# --- The rolls ------------------------------------------------------------------------------------------------------

def mandant_listed(facts):
    """On the roll of the commune where the mandant votes, among the lists that vote (L. 71)."""
    return Verdict("mandant_listed", *listed(facts.mandant, _lists(facts)))


def mandataire_listed(facts):
    """On the roll of the commune that was named, or of any where only the number was (L. 72)."""
    return Verdict("mandataire_listed", *listed(facts.mandataire, _lists(facts)))


def _lists(facts):
    return [on.rules.lists for on in facts.tours]


def listed(search, lists=()):
    """(verdict, evidence) of one person, who is to be on one of each of `lists` (texts as `Rules.lists`).

    More than one candidate is never certain, unless the number is one's; nor is one who is not named quite the same,
    whatever the number: places are counted by names, and one mandataire named in two ways would have twice as many.
    """
    evidence = {"where": search.where}
    if not search.found:
        return _missing(search, evidence)
    matches = [_the_one(candidates) for candidates in search.found]
    if not all(matches):
        return TO_VERIFY, {**evidence, "why": "several"}
    if not all(match.exact for match in matches):
        other = any(match.nne is False for match in matches)
        return TO_VERIFY, {**evidence, "why": "other_number" if other else "near"}
    if search.kinds and not all(set(search.kinds) & set(voting.split()) for voting in lists):
        return TO_VERIFY, {**evidence, "why": "other_list"}
    return OK, {**evidence, "why": "found", "station": station(matches[0].elector)}


def _the_one(candidates):
    """The only candidate of a roll, or the only one whose number is the person's; None where there are several."""
    confirmed = [match for match in candidates if match.nne]
    among = confirmed or candidates
    return among[0] if len(among) == 1 else None


def _missing(search, evidence):
    if not search.looked:
        return TO_VERIFY, {**evidence, "why": "no_roll"}
    return (KO, {**evidence, "why": "none"}) if search.whole else (TO_VERIFY, {**evidence, "why": "not_found"})


def station(elector):
    """The polling station in words of the roll: its code, then its name."""
    return ", ".join(filter(None, (elector.station, elector.station_label)))


def same_commune(facts):
    """Where the law wants both in one commune (L. 72 before 2022, Nouvelle-Calédonie)."""
    if not any(on.rules.same_commune for on in facts.tours):
        return Verdict("same_commune", NOT_APPLICABLE)
    named = facts.file.mandataire.commune_id
    if named:
        return Verdict("same_commune", OK if named == facts.file.commune_id else KO)
    return Verdict("same_commune", OK if mandataire_listed(facts).verdict == OK else TO_VERIFY)


# --- The people and the act -----------------------------------------------------------------------------------------

def somebody_else(facts):
    """The mandataire is not the mandant (L. 71)."""
    return Verdict("somebody_else", KO if facts.file.mandant.key == facts.file.mandataire.key else OK)


def of_age(facts):
    """Is the mandataire 18 on the eve of each tour (L. 2)? A date the registry knows in part may leave it open."""
    days = [on.day for on in facts.tours] or [facts.file.valid_until]
    verdicts = {_of_age(facts.file.mandataire.birth_date, day) for day in (days[0], days[-1])}
    if len(verdicts) == 1:
        return Verdict("of_age", *verdicts, {"why": "date"} if verdicts == {TO_VERIFY} else {})
    return Verdict("of_age", TO_VERIFY, {"why": "later" if KO in verdicts else "date"})


def _of_age(born, day):
    limit = _born_at_the_latest(day - relativedelta(days=1)).isoformat()
    if born.replace("-00", "-99") <= limit:             # at the latest
        return OK
    return KO if born > limit else TO_VERIFY            # at the earliest: 00 sorts before any month and day


def _born_at_the_latest(eve):
    """To be 18 on `eve`. Who was born on a 29 February is so on 28 February."""
    one = relativedelta(days=1)
    return max(eve - MAJORITY, eve + one - MAJORITY - one)


def period(facts):
    """Not longer than the law allows, from the day of the act (R. 74)."""
    last = facts.day_of_the_act + law.longest_period(facts.file.abroad)
    within = facts.day_of_the_act <= facts.file.valid_until <= last
    return Verdict("period", OK if within else KO, {"last": last.isoformat()})


def authority(facts):
    """The authority on the day of the act (R. 72-1): an officer's habilitation, where the account says its dates; on
    paper, one that is named with its place and signed no day to come. A certified identity needs none."""
    file, day = facts.file, facts.day_of_the_act
    if file.certified:
        return Verdict("authority", NOT_APPLICABLE, {"why": "certified"})
    if file.officer is None:
        return _authority_on_paper(file, day, facts.today)
    begin, end = file.officer.habilitated_from, file.officer.habilitated_until
    return Verdict("authority", KO if (begin and day < begin) or (end and day > end) else OK, {"why": "account"})


def _authority_on_paper(file, day, today):
    if day > today:
        return Verdict("authority", KO, {"why": "future"})
    named = file.authority.strip() and file.authority_place.strip()
    return Verdict("authority", OK if named else TO_VERIFY, {"why": "paper"})


# --- The places -----------------------------------------------------------------------------------------------------

def sole_act(facts, on):
    """One procuration a mandant and tour: the first established stands (L. 73, L. 75)."""
    if facts.file.status not in LIVE:
        return _on_tour("sole_act", NOT_APPLICABLE, on)
    if "mandant" in on.tied:
        return _on_tour("sole_act", TO_VERIFY, on, "tied")
    return _on_tour("sole_act", KO if on.given and not on.place else OK, on)


def place(facts, on):
    """The mandataire holds a place for it (L. 73)."""
    if facts.file.status not in LIVE or (on.given and not on.place):
        return _on_tour("place", NOT_APPLICABLE, on)
    if "mandataire" in on.tied:
        return _on_tour("place", TO_VERIFY, on, "tied")
    if on.place:
        return _on_tour("place", OK, on)
    return _on_tour("place", TO_VERIFY, on, "free") if on.free else _on_tour("place", KO, on)


def _on_tour(check, verdict, on, why=None):
    evidence = {"tour": on.tour.id, "number": on.tour.number}
    return Verdict(check, verdict, {**evidence, "why": why} if why else evidence)
