"""What an officer is told before establishing. None of it refuses the act (design 4): the mandant should hear it."""
import datetime
from typing import NamedTuple

from portal import places, scrutins
from portal.names import fold

EVE = datetime.timedelta(days=1)  # the town hall has hardly any time left


class Caution(NamedTuple):
    """`name` of a sentence of the catalogue; the tours it speaks of, where it does."""

    name: str
    tours: tuple = ()


def cautions(procuration, tours):
    """Those of the file, the gravest first. `tours` are all it was asked for, their local days prefetched."""
    left = [tour for tour in tours if not _past(tour, procuration.commune)]
    yield from _about_the_people(procuration)
    yield from _without_place(procuration, left)
    yield from _about_the_days(procuration.commune, tours, left)
    if places.pending_for_the_same_vote(procuration):
        yield Caution("replaces")


def cautions_of_an_end(procuration, tours):
    """Those of a résiliation, on the day of a poll: the mandataire may have voted already."""
    today = scrutins.today(procuration.commune)
    if begun := tuple(tour for tour in tours if scrutins.day_shown(tour, procuration.commune) == today):
        yield Caution("begun", begun)


def _about_the_people(procuration):
    mandant, mandataire = procuration.mandant, procuration.mandataire
    if mandant.key == mandataire.key:
        yield Caution("same_person")
    elif _called(mandant) == _called(mandataire):
        yield Caution("homonym")


def _called(person):
    """The birth name and the first of the first names, as people compare them."""
    return fold(person.birth_name), fold(person.first_names).partition(" ")[0]


def _without_place(procuration, tours):
    foreseen = places.foreseen(procuration, tours)
    for why in ("donnee", "plafond"):
        if found := tuple(tour for tour in tours if foreseen.get(tour) == why):
            yield Caution(why, found)


def _about_the_days(commune, tours, left):
    if past := tuple(tour for tour in tours if tour not in left):
        yield Caution("past", past)
    soon = scrutins.today(commune) + EVE
    if left and scrutins.day_shown(left[0], commune) <= soon:
        yield Caution("soon", (left[0],))


def _past(tour, commune):
    return scrutins.day_shown(tour, commune) < scrutins.today(commune)
