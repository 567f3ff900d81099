"""The electoral rolls of the communes: who is on them.

A roll comes from a file (see `portal.roll_import`) and replaces the former one as a whole. Names are compared under the
normal form of `portal.names`; a birth date agrees with another as far as both say something.
"""
import operator
import re
from functools import reduce
from itertools import accumulate
from typing import NamedTuple

from models import Elector, Personne, Procuration, Roll
from portal.names import MOST_WORDS, fold

MOST_CANDIDATES = 20        # homonyms that are looked at: more are never decided by a machine anyway
UNKNOWN = "0000-00-00"      # a birth date nobody could read
LAST_MANDANTS = 20          # of a commune, by whom its roll is tried


class Match(NamedTuple):
    """An elector who may be the person. `exact`: birth name, all first names and birth date are the same, as far as
    they are known. Places are counted under these three: who is named otherwise is counted as somebody else (L. 73).

    `nne`: the roll has the person's number (True), another one (False: never exact), or nothing to compare (None).
    """

    elector: Elector
    exact: bool
    nne: bool | None = None


class Acquaintance(NamedTuple):
    """How many of the last mandants of a commune its roll knows by name, of how many it was asked."""

    known: int
    asked: int

    @property
    def is_good(self):
        """A roll that knows nobody, or less than half, is a trial, a part, or that of another commune: who is missing
        from it may well vote there."""
        return 0 < self.known >= self.asked / 2

    @property
    def is_strange(self):
        """Worth a warning: of one or two mandants who are missing, each may be a fault of their own."""
        return self.asked > 2 and not self.is_good


def current(commune):
    """The rolls a commune has now: {kind: Roll}, empty where none was imported. One statement."""
    rolls = Roll.select().where(Roll.commune == commune, Roll.state == "current").order_by(Roll.id)
    return {roll.kind: roll for roll in rolls}


def candidates(commune, person, lists=("LP",)):
    """Who on the rolls `lists` of `commune` may be `person`: Match, the exact ones first.

    `person` has a birth_name, first_names and birth_date, perhaps a used_name and an nne. Near ones have the same first
    first name and an agreeing date, and share a birth or used name. `commune` None: exact names on every roll of the
    country; a verdict may come of it, never a screen. `lists` may be a text, as `Rules.lists`. Two statements at most.
    """
    kinds = lists.split() if isinstance(lists, str) else list(lists)
    found = {elector.id: _match(elector, person) for query in _queries(commune, person, kinds)
             for elector in query.limit(MOST_CANDIDATES) if _may_be(elector, person)}
    return sorted(found.values(), key=lambda match: not match.exact)


def _queries(commune, person, kinds):
    electors = Elector.select().where(agreeing(person.birth_date)).order_by(Elector.id)
    if commune is None:
        same = Elector.key == key_of(person.birth_name, person.first_names)
        return [electors.join(Roll).where(same, Roll.state == "current", Roll.kind.in_(kinds))]
    starts = [key_of(name, first_of(person.first_names))
              for name in {person.birth_name, getattr(person, "used_name", None)} if name]
    return [electors.where(beginning(commune, kinds, column, starts)) for column in (Elector.key, Elector.used_key)]


def beginning(commune, kinds, column, starts):
    """The condition: on a roll of `commune`, with a `column` that begins with one of `starts`: ranges of one index."""
    rolls = Roll.select(Roll.id).where(Roll.state == "current", Roll.commune == commune, Roll.kind.in_(kinds))
    return reduce(operator.or_, (Elector.roll.in_(rolls) & column.begins(start) for start in sorted(starts)))


def _may_be(elector, person):
    """MARIE begins MARIELLE too, but is not the same first name."""
    first = first_of(person.first_names)
    return first == first_of(elector.first_names) or first in _beginnings(elector.first_names)


def _beginnings(first_names):
    """JEAN PIERRE MARIE: JEAN, JEANPIERRE, JEANPIERREMARIE. A compound is often written without its hyphen."""
    return set(accumulate(fold(first_names).split())) or {""}


def _match(elector, person):
    number = getattr(person, "nne", None)
    confirmed = number == elector.nne if number and elector.nne else None
    same = (elector.key == key_of(person.birth_name, person.first_names)
            and elector.birth_date == person.birth_date != UNKNOWN)
    return Match(elector, same and confirmed is not False, confirmed)


# --- The right roll? ------------------------------------------------------------------------------------------------

def acquaintance(commune, rolls=None):
    """What `rolls`, the current ones of `commune` if None, know of those who voted there by procuration last. Two
    statements, whatever their size."""
    asked = {key_of(*names) for names in _last_mandants(commune)}
    if rolls is None:
        rolls = Roll.select(Roll.id).where(Roll.commune == commune, Roll.state == "current")
    known = Elector.select(Elector.key).where(Elector.roll.in_(rolls), Elector.key.in_(asked)).distinct()
    return Acquaintance(known.count() if asked else 0, len(asked))


def _last_mandants(commune):
    return (Personne.select(Personne.birth_name, Personne.first_names).join(Procuration)
            .where(Procuration.commune == commune, Procuration.established_at.is_null(False),
                   Personne.role == "mandant")
            .order_by(Procuration.established_at.desc(), Procuration.id.desc()).limit(LAST_MANDANTS).tuples())


# --- Search ---------------------------------------------------------------------------------------------------------

def search(commune, words, limit):
    """Electors of `commune` whose birth or used name begins with `words`, perhaps followed by the beginning of their
    first names; at most `limit`, in the order of their names. Two statements."""
    starts = _readings(fold(words).split()[:MOST_WORDS])
    found = {elector.id: elector for column in (Elector.key, Elector.used_key) if starts
             for elector in (Elector.select(Elector, Roll).join(Roll)
                             .where(beginning(commune, Roll.KINDS, column, starts)).order_by(column).limit(limit))}
    return sorted(found.values(), key=lambda elector: (elector.key, elector.id))[:limit]


def _readings(words):
    """DE LA TOUR ANNE: a name as a whole, or a name and first names after any of its words."""
    whole = "".join(words)
    return whole and [whole, *(f"{''.join(words[:cut])} {''.join(words[cut:])}" for cut in range(1, len(words)))]


# --- Keys and dates -------------------------------------------------------------------------------------------------

def key_of(name, first_names):
    """Words joined, as in `Personne.key`: DE LA TOUR, de Latour and DELATOUR are one name. A space between name and
    first names sorts DURAND before DURANDEAU."""
    return f"{joined(name)} {joined(first_names)}"


def joined(text):
    return fold(text).replace(" ", "")


def first_of(first_names):
    """The first first name, folded and joined: of "Jean-Pierre, Marie", JEANPIERRE."""
    first = re.split(r"[\s,]+", first_names.strip(), maxsplit=1)[0]
    return joined(first)


def agreeing(date):
    """The condition: birth dates that agree with `date` (YYYY-MM-DD, 00 where unknown) as far as both say something."""
    year, month, day = date.split("-")
    if year == "0000":
        return Elector.birth_date >= ""
    vaguer = [UNKNOWN, f"{year}-00-00"]
    if month == "00":
        return _within(year) | (Elector.birth_date == UNKNOWN)
    if day == "00":
        return _within(f"{year}-{month}") | Elector.birth_date.in_(vaguer)
    return Elector.birth_date.in_([*vaguer, f"{year}-{month}-00", date])


def _within(start):
    return Elector.birth_date.between(f"{start}-", f"{start}-99-99")
