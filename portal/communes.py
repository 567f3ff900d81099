"""What somebody types, turned into a commune: resolve() for the field as plain text, suggest() while it is typed.

find() and birth_place() answer for a code. All go by `CommuneName`, whose rows portal.commune_list writes and explains.
"""
import difflib
import re
from functools import reduce
from operator import or_
from typing import NamedTuple

from peewee import Case

from models import Commune, CommuneName
from portal.names import fold, tidy

LONGEST = 100          # characters of a question; the longest label has 50
SHORTEST = 2           # characters worth a suggestion
MOST_CHOICES = 50
MOST_SUGGESTIONS = 8   # after a typing mistake
MOST_SHOWN = 12        # while it is typed: the name that most communes share is borne by twelve
ROWS = 100             # read per question: several names may lead to one commune
ROWS_COMPARED = 1000   # read in search of a typing mistake
CLOSE = 0.75           # difflib's ratio: one letter wrong in four
CODE = re.compile(r"(?:\d\d|2[AB])\d{3}")  # INSEE's

ACTUELLE, POSTAL, MOT = (CommuneName.kind == kind for kind in ("actuelle", "postal", "mot"))
OF_TODAY = ("actuelle", "postal", "mot")  # rows that bear today's name


# --- The normal form ------------------------------------------------------------------------------------------------

SAINT = re.compile(r"\bST(E?)\b")
ORDINAL = re.compile(r"\b(\d{1,2})(?:ER|RE|EME|IEME|E|ND)?(?: ARR\w*)?$")  # PARIS 11E ARRONDISSEMENT
ARTICLES = ("LE ", "LA ", "LES ", "L ")


def name_key(text):
    """The form under which names are compared: `portal.names.fold`, “St” in full, an arrondissement as its number."""
    return ORDINAL.sub(r"\1", SAINT.sub(r"SAINT\1", fold(text)))[:CommuneName.key.max_length]


def without_article(key):
    return re.sub(f"^(?:{'|'.join(ARTICLES)})", "", key)


# --- Codes ----------------------------------------------------------------------------------------------------------

def find(code):
    """The commune of today with this INSEE code, or None."""
    return Commune.get_or_none(Commune.code == code, Commune.listed) if CODE.fullmatch(code or "") else None


def birth_place(code):
    """“Nom (dép.)” for the INSEE code of a place of birth, perhaps of a commune that is no more; None if unknown.

    Identity documents keep the name of the day: whoever votes was born before their commune took the name of a
    merger, so a part's name beats today's. One statement.
    """
    if not CODE.fullmatch(code or ""):
        return None
    lost = CommuneName.key == CommuneName.code
    rank = Case(None, [(lost, 2), (CommuneName.kind.not_in(OF_TODAY), 0)], 1)
    name = _select(CommuneName.code == code, rank, rows=1).first()
    return name and f"{name.name} ({name.commune.departement})"


# --- The question ---------------------------------------------------------------------------------------------------

class Resolution(NamedTuple):
    """What a typed place means: one commune (`exact`), several (`choices`), perhaps (`suggestions`), or nothing.

    `found_as` tells which were found by another name than today's: code of the commune -> CommuneName.
    """

    exact: Commune | None = None
    choices: tuple = ()
    suggestions: tuple = ()
    found_as: dict = {}


class _Question(NamedTuple):
    key: str               # empty for a code
    code: str              # postal or INSEE; empty for a name
    departement: str       # empty when not said


NOTHING = Resolution()
WITH_DEPARTEMENT = re.compile(r"(.+?)\s*[(,]\s*(\d{1,3}|2[ab])\s*\)?", re.IGNORECASE)     # Lyon (69)
WITH_CODE = re.compile(r"(?:(\d{5}|2[ab]\d{3})\b[ ,]*(.*)|(.+?)[ ,(]+(\d{5})\)?)", re.IGNORECASE)  # 69003 Lyon
LEAD = re.compile(r"((?:SAINTE? )?.).{0,2}")  # how far a mistyped name is trusted, at the least and first


def resolve(text):
    """What `text` names: “Lyon”, “lyon (69)”, “69003”, “69003 Lyon”, an INSEE code, an old name.

    A name of today beats an old one. An old one that begins names of today (Épinay) is a choice between all.
    One statement, two more where nothing fits.
    """
    question = _question(text)
    if question is None:
        return NOTHING
    names = list(_names(question))
    if question.code:
        return _by_code(question.code, names)
    here = [name for name in names if question.departement in ("", name.commune.departement)]
    if here:
        return _resolved(question.key, here)
    return Resolution(suggestions=_communes(names or _near(question.key))[:MOST_SUGGESTIONS])


def _question(text):
    """What is asked, or None: empty, too long, control or direction characters."""
    if not text or len(text) > LONGEST or not tidy(text).isprintable():
        return None
    text = tidy(text)
    if found := WITH_CODE.fullmatch(text):
        code, name = (found[1] or found[4]).upper(), found[2] or found[3] or ""
        return _Question(name_key(name), "", _departement(code)) if name_key(name) else _Question("", code, "")
    found = WITH_DEPARTEMENT.fullmatch(text)
    name, departement = found.groups() if found else (text, "")
    key = name_key(name)
    return _Question(key, "", departement.upper().zfill(2) if departement else "") if key else None


def _departement(code):
    """Of a postal code, as far as it tells: 20… is either of Corsica's."""
    return "" if code.startswith("20") else code[:3] if code.startswith(("97", "98")) else code[:2]


def _names(question):
    """Names that answer, the exact ones first, those by a later word last. Each clause is a range of an index."""
    if question.code:
        return _select((CommuneName.key == question.code) | (CommuneName.code == question.code))
    exact = CommuneName.key.in_(_with_articles(question.key))
    longer = _begins(*_with_articles(question.key + " ")) & CommuneName.kind.in_(("actuelle", "mot"))
    rank = Case(None, [(MOT, 2), (CommuneName.key == question.key, 0)], 1)
    return _select(exact | longer, rank, _first(Commune.departement == question.departement))


def _select(condition, *order, rows=ROWS):
    return (CommuneName.select(CommuneName, Commune).join(Commune).where(condition)
            .order_by(*order, Commune.population.desc(), CommuneName.key, Commune.code).limit(rows))


def _begins(*starts):
    return reduce(or_, map(CommuneName.key.begins, starts))


def _with_articles(start):
    return (start, *(article + start for article in ARTICLES))


def _first(condition):
    return Case(None, [(condition, 0)], 1)


def _by_code(code, names):
    """Half the postal codes are somebody else's INSEE code; people type postal codes."""
    return _one_of([name for name in names if name.key == code and name.kind == "postal"] or names)


def _resolved(key, names):
    plain = [name for name in names if name.kind != "mot"]
    exact = [name for name in plain if name.key == key]
    today = [name for name in exact if name.kind == "actuelle"]
    if today:
        return _one_of(today)
    if exact or len(plain) == 1 and plain[0].key.endswith(key):
        return _one_of(plain)
    if len(names) == 1 or not plain:
        return Resolution(suggestions=_communes(names)[:MOST_SUGGESTIONS])
    return _one_of(names)


def _one_of(names):
    communes = _by_population(_communes(names))
    others = _found_as(names)
    if len(communes) == 1:
        return Resolution(exact=communes[0], found_as=others)
    return Resolution(choices=communes[:MOST_CHOICES], found_as=others)


def _communes(names):
    """Each once, in the order of the names."""
    return tuple({name.commune_id: name.commune for name in names}.values())


def _by_population(communes):
    return tuple(sorted(communes, key=lambda commune: -commune.population))


def _found_as(names):
    today = {name.commune_id for name in names if name.kind in OF_TODAY}
    return {name.commune_id: name for name in reversed(names) if name.commune_id not in today}


def _near(key):
    """Names of today that differ from `key` by a typing mistake, the closest first."""
    trusted, least = (_begins(*starts) for starts in zip(*_starts(key)))
    rows = _select(least & ACTUELLE, _first(trusted), rows=ROWS_COMPARED).select(CommuneName.id, CommuneName.key)
    found = _look_alikes(key, dict(rows.tuples()))[:ROWS]
    return sorted(_select(CommuneName.id.in_(found)), key=lambda name: found.index(name.id))


def _starts(key):
    """Pairs of beginnings, a longer and a shorter one, of names that `key` may have been meant for."""
    for meant in {key, _with_saint(key)}:
        lead = LEAD.match(without_article(meant))
        yield from zip(_with_articles(lead[0]), _with_articles(lead[1]))


def _look_alikes(key, keys):
    """Of `keys` (id -> key) the ids of those that differ by a typing mistake, the closest first."""
    heard = {number: _as_heard(other) for number, other in keys.items()}
    close = difflib.get_close_matches(_as_heard(key), set(heard.values()), MOST_SUGGESTIONS, CLOSE)
    return sorted((number for number in heard if heard[number] in close), key=lambda number: close.index(heard[number]))


def _as_heard(key):
    """Without the article, which people leave out, and with I for Y."""
    return without_article(key).replace("Y", "I")


def _with_saint(key):
    """A tenth of the country begins with this word, so that its own mistakes count: SANT DENIS."""
    first, _, rest = key.partition(" ")
    saint = difflib.get_close_matches(first, ("SAINT", "SAINTE"), 1, CLOSE)
    return f"{saint[0]} {rest}" if saint and rest else key


# --- While it is typed ----------------------------------------------------------------------------------------------

def suggest(text, limit=MOST_SHOWN):
    """Up to `limit` CommuneName with their `commune`, one per commune: one statement, ranges of an index only.

    Today's name by its beginning, then old names, then today's by a later word; an exact one before a longer one,
    then by population. Digits are a postal code.
    """
    question = _question(text)
    start = question and (question.code or question.key)
    if not start or len(start) < SHORTEST:
        return []
    condition, rank = _suggested_by_code(start) if question.code or start.isdigit() else _suggested(start)
    here = _first(Commune.departement == question.departement)
    names = {}
    for name in _select(condition, rank, here, rows=5 * limit):
        names.setdefault(name.commune_id, name)
    return list(names.values())[:limit]


def _suggested_by_code(start):
    """The condition, then the rank."""
    return (_begins(start) & POSTAL) | (CommuneName.code == start), _first(POSTAL)


def _suggested(start):
    """The condition, then the rank."""
    exact, begins = CommuneName.key == start, _begins(start)
    rank = Case(None, [(exact & ACTUELLE, 0), (begins & ACTUELLE, 1), (ACTUELLE, 2), (MOT, 5), (exact, 3)], 4)
    return begins | _begins(*_with_articles(start)[1:]) & ACTUELLE, rank
