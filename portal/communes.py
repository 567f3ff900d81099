"""The communes: the official list taken in, and what somebody types turned into one of them.

    the list        import_communes(), from the file of data/ or a newer one
    the question    resolve() for the field as plain text, suggest() while it is typed, find() for a code

A name leads to a commune through the rows of `CommuneName`, by `kind`:

    actuelle                              today's name; also one row per postal code, whose `key` is that code
    deleguee, associee, arrondissement    the name of a part of a commune of today
    ancienne                              a code that is no more; `key` is its last name, or the code if that is lost
"""
import difflib
import gzip
import json
import re
import zlib
from functools import reduce
from operator import or_
from pathlib import Path
from typing import NamedTuple

from peewee import Case, chunked

from models import Commune, CommuneName, database
from portal.database import hold, on_postgresql, transaction
from portal.errors import Refused
from portal.names import fold, tidy

SHIPPED = Path(__file__).parent / "data" / "communes.json.gz"
BATCH = 1000           # rows per statement

LONGEST = 100          # characters of a question; the longest label has 50
SHORTEST = 2           # characters worth a suggestion
MOST_CHOICES = 50
MOST_SUGGESTIONS = 8
ROWS = 100             # read per question: several names may lead to one commune
CLOSE = 0.75           # difflib's ratio: one letter wrong in four
LAST = "\U0010ffff"    # sorts after any character


class UnusableList(Refused):
    """The file cannot replace the list of communes; nothing was changed."""


class ListUnreadable(UnusableList):
    """Neither JSON nor compressed JSON, or cut short."""


class ListForeign(UnusableList):
    """Not in the layout of @etalab/decoupage-administratif; `row` is the number of the first row at fault, from 1."""


class ListIncomplete(UnusableList):
    """`count` communes are fewer than the country has, or these `departements` have none (codes and spaces, or –)."""


class ListIncoherent(UnusableList):
    """`code` is there twice, leads nowhere, or has the label of another commune."""


# --- The normal form ------------------------------------------------------------------------------------------------

SAINT = re.compile(r"\bST(E?)\b")
ORDINAL = re.compile(r"\b(\d{1,2})(?:ER|RE|EME|IEME|E|ND)?(?: ARR\w*)?$")  # PARIS 11E ARRONDISSEMENT


def name_key(text):
    """The form under which names are compared: `portal.names.fold`, “St” in full, an arrondissement as its number."""
    return ORDINAL.sub(r"\1", SAINT.sub(r"SAINT\1", fold(text)))[:CommuneName.key.max_length]


# --- The file -------------------------------------------------------------------------------------------------------

KINDS = {"commune-actuelle": "actuelle", "commune-deleguee": "deleguee", "commune-associee": "associee",
         "arrondissement-municipal": "arrondissement"}
CODE = re.compile(r"(?:\d\d|2[AB])\d{3}")
POSTAL_CODE = re.compile(r"\d{5}")
FEWEST = 30_000        # 34 969 in 2026, after ten years of mergers
MAINLAND = {f"{number:02}" for number in range(1, 96)} - {"20"} | {"2A", "2B"}
ZONES = {"971": "America/Guadeloupe", "972": "America/Martinique", "973": "America/Cayenne",
         "974": "Indian/Reunion", "975": "America/Miquelon", "976": "Indian/Mayotte",
         "977": "America/St_Barthelemy", "978": "America/Marigot", "984": "Indian/Kerguelen",
         "986": "Pacific/Wallis", "987": "Pacific/Tahiti", "988": "Pacific/Noumea",
         "989": "Etc/GMT+8"}                                           # Clipperton has no zone of its own
DEPARTEMENTS = MAINLAND | set(ZONES)
ZONES_OF_ISLANDS = {"98719": "Pacific/Gambier", **dict.fromkeys(
    ("98718", "98723", "98731", "98746", "98756", "98757"), "Pacific/Marquesas")}


class Entry(NamedTuple):
    """A row of the file. `leads_to` is its own code for a commune of today."""

    code: str
    name: str
    kind: str
    leads_to: str
    departement: str
    population: int
    postal_codes: tuple
    former_codes: tuple
    key: str

    @property
    def zone(self):
        return ZONES_OF_ISLANDS.get(self.code) or ZONES.get(self.departement, "Europe/Paris")


def read_list(source):
    """The entries of `source` (a path), checked as a whole. Raises UnusableList."""
    entries = [_entry(number, row) for number, row in enumerate(_rows(source), 1)]
    _check_complete(entries)
    _check_coherent(entries)
    return entries


def _rows(source):
    content = Path(source).read_bytes()
    try:
        rows = json.loads(gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise ListUnreadable() from error
    if not isinstance(rows, list):
        raise ListForeign(row=1)
    return rows


def _entry(number, row):
    try:
        entry = Entry(row["code"], row["nom"], KINDS[row["type"]],
                      row.get("chefLieu") or row.get("commune") or row["code"], row["departement"],
                      row.get("population") or 0, tuple(row.get("codesPostaux", ())),
                      tuple(row.get("anciensCodes", ())), name_key(row["nom"]))
        sound = _sound(entry)
    except (AttributeError, KeyError, TypeError) as error:
        raise ListForeign(row=number) from error
    if not sound:
        raise ListForeign(row=number)
    return entry


def _sound(entry):
    return (all(CODE.fullmatch(code) for code in (entry.code, entry.leads_to, *entry.former_codes))
            and all(POSTAL_CODE.fullmatch(code) for code in entry.postal_codes)
            and (entry.kind != "actuelle" or entry.leads_to == entry.code)
            and entry.key and entry.name.isprintable() and len(entry.name) <= Commune.name.max_length
            and entry.departement in DEPARTEMENTS
            and type(entry.population) is int and entry.population >= 0)


def _check_complete(entries):
    today = [entry for entry in entries if entry.kind == "actuelle"]
    missing = DEPARTEMENTS - {entry.departement for entry in today}
    if len(today) < FEWEST or missing:
        raise ListIncomplete(count=len(today), departements=" ".join(sorted(missing)) or "–")


def _check_coherent(entries):
    today, taken = {entry.code for entry in entries if entry.kind == "actuelle"}, set()
    for entry in entries:
        own = _own(entry)
        if entry.leads_to not in today or own & taken:
            raise ListIncoherent(code=entry.code)
        taken |= own


def _own(entry):
    """What no other entry may have: the code, as a commune or as a part of one, and a commune's label."""
    today = entry.kind == "actuelle"
    return {(entry.code, today), (entry.key, entry.departement)} if today else {(entry.code, today)}


# --- The import -----------------------------------------------------------------------------------------------------

class Counts(NamedTuple):
    """What an import found (`listed` communes) and what it changed, in rows."""

    listed: int
    added: int
    changed: int
    left: int
    names_added: int
    names_removed: int


def import_communes(source=None, progress=None):
    """Make the tables say what the file `source` says (a path; the shipped list by default). Returns Counts.

    Only what differs is written, in one transaction. A commune that left the list stays, as not listed, and keeps its
    address; its name leads on where the file knows the successor. `progress(done, total)` counts rows to write.
    Raises UnusableList.
    """
    entries = read_list(source or SHIPPED)
    with transaction():
        hold("communes")
        counts = _write(entries, progress or (lambda done, total: None))
        if on_postgresql():
            database.execute_sql("ANALYZE commune, commune_name")  # until then its planner reads all communes
        return counts


def _write(entries, progress):
    communes = {row[0]: row for row in _commune_rows(entries)}
    known = {row[0]: row for row in Commune.select(*COMMUNE_COLUMNS).tuples()}
    names = _name_rows(entries, {code: row[1] for code, row in known.items() if code not in communes})
    stored = {row[1:]: row[0] for row in CommuneName.select(CommuneName.id, *NAME_COLUMNS).tuples()}
    changes = [row for code, row in communes.items() if known.get(code) != row]
    left = [code for code, row in known.items() if row[-1] and code not in communes]
    stale = [number for row, number in stored.items() if row not in names]
    fresh = sorted(names - stored.keys())
    step = _Steps(progress, len(changes) + len(left) + len(stale) + len(fresh))
    for codes in step(left):
        Commune.update(listed=False).where(Commune.code.in_(codes)).execute()
    for rows in step(changes):
        Commune.insert_many(rows, COMMUNE_COLUMNS).on_conflict(
            conflict_target=[Commune.code], preserve=COMMUNE_COLUMNS[1:]).execute()
    for numbers in step(stale):
        CommuneName.delete().where(CommuneName.id.in_(numbers)).execute()
    for rows in step(fresh):
        CommuneName.insert_many(rows, NAME_COLUMNS).execute()
    added = sum(row[0] not in known for row in changes)
    return Counts(len(communes), added, len(changes) - added, len(left), len(fresh), len(stale))


COMMUNE_COLUMNS = (Commune.code, Commune.name, Commune.departement, Commune.population, Commune.postal_codes,
                   Commune.zone, Commune.listed)
NAME_COLUMNS = (CommuneName.commune, CommuneName.name, CommuneName.key, CommuneName.kind, CommuneName.code)


class _Steps:
    """Cuts rows into batches and tells `progress` after each."""

    def __init__(self, progress, total):
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, rows):
        for batch in chunked(rows, BATCH):
            yield batch
            self.done += len(batch)
            self.progress(self.done, self.total)


def _commune_rows(entries):
    for entry in entries:
        if entry.kind == "actuelle":
            yield (entry.code, entry.name, entry.departement, entry.population, " ".join(entry.postal_codes),
                   entry.zone, True)


def _name_rows(entries, lost):
    """The set of rows of CommuneName. `lost`: names we knew by codes that are no commune of today."""
    named = {entry.code for entry in entries}
    rows = set()
    for entry in entries:
        rows.add((entry.leads_to, entry.name, entry.key, entry.kind, entry.code))
        if entry.kind == "actuelle":
            rows.update((entry.code, entry.name, postal, entry.kind, entry.code) for postal in entry.postal_codes)
            rows.update(_former_row(entry, code, lost.get(code)) for code in entry.former_codes if code not in named)
    return rows


def _former_row(entry, code, name):
    return (entry.code, name or entry.name, name_key(name) if name else code, "ancienne", code)


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
ARTICLES = ("LE ", "LA ", "LES ", "L ")
LEAD = re.compile(r"(?:SAINTE? )?.{1,3}")  # how far a mistyped name is trusted


FORMER = ("deleguee", "associee", "arrondissement", "ancienne")


def find(code):
    """The commune of today with this INSEE code, or None."""
    return Commune.get_or_none(Commune.code == code, Commune.listed) if CODE.fullmatch(code or "") else None


def birth_place(code):
    """“Nom (dép.)” for the INSEE code of a place of birth, perhaps of a commune that is no more; None if unknown.

    Identity documents keep the name of the day: whoever votes was born before their commune took the name of a
    merger, so a part's name beats today's. One statement.
    """
    own = CommuneName.key > ":"  # a lost name has its code for a key
    rank = Case(None, [(own & CommuneName.kind.in_(FORMER), 0), (CommuneName.kind == "actuelle", 1)], 2)
    name = (CommuneName.select(CommuneName, Commune).join(Commune).where(CommuneName.code == code)
            .order_by(rank, CommuneName.id).first()) if CODE.fullmatch(code or "") else None
    return name and f"{name.name} ({name.commune.departement})"


def resolve(text):
    """What `text` names: “Lyon”, “lyon (69)”, “69003”, “69003 Lyon”, an INSEE code, an old name. At most 2 statements.

    A name of today beats an old one. An old one that begins names of today (Épinay) is a choice between all.
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
    return Resolution(suggestions=_communes(names or _look_alikes(question))[:MOST_SUGGESTIONS])


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
    """Names that answer, the exact ones first, then by population. Each clause is a range of an index."""
    if question.code:
        return _select((CommuneName.key == question.code) | (CommuneName.code == question.code))
    exact = CommuneName.key == question.key
    article = CommuneName.key.in_([article + question.key for article in ARTICLES])
    longer = _begins(*_with_articles(question.key + " ")) & (CommuneName.kind == "actuelle")
    return _select(exact | article | longer, _first(exact), _first(Commune.departement == question.departement))


def _select(condition, *order, rows=ROWS):
    return (CommuneName.select(CommuneName, Commune).join(Commune).where(condition)
            .order_by(*order, Commune.population.desc(), CommuneName.key, Commune.code).limit(rows))


def _begins(*starts):
    return reduce(or_, ((CommuneName.key >= start) & (CommuneName.key < start + LAST) for start in starts))


def _with_articles(start):
    return (start, *(article + start for article in ARTICLES))


def _first(condition):
    return Case(None, [(condition, 0)], 1)


def _by_code(code, names):
    """Half the postal codes are somebody else's INSEE code; people type postal codes."""
    return _one_of([name for name in names if name.key == code and name.kind == "actuelle"] or names)


def _resolved(key, names):
    exact = [name for name in names if name.key == key]
    today = [name for name in exact if name.kind == "actuelle"]
    if today:
        return _one_of(today)
    if len(names) == 1 and not names[0].key.endswith(key):
        return Resolution(suggestions=_communes(names))
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
    today = {name.commune_id for name in names if name.kind == "actuelle"}
    return {name.commune_id: name for name in reversed(names) if name.commune_id not in today}


def _look_alikes(question):
    """Names of today that differ by a typing mistake after their first letters, the closest ones."""
    starts = {start for key in (question.key, _with_saint(question.key))
              for start in _with_articles(LEAD.match(_stem(key))[0])}
    near = list(_select(_begins(*starts) & (CommuneName.kind == "actuelle"), rows=BATCH))
    stems = {_stem(name.key) for name in near}
    close = difflib.get_close_matches(_stem(question.key), stems, MOST_SUGGESTIONS, CLOSE)
    return sorted((name for name in near if _stem(name.key) in close), key=lambda name: close.index(_stem(name.key)))


def _stem(key):
    return re.sub(f"^(?:{'|'.join(ARTICLES)})", "", key)


def _with_saint(key):
    """A tenth of the country begins with this word, so that its own mistakes count: SANT DENIS."""
    first, _, rest = key.partition(" ")
    saint = difflib.get_close_matches(first, ("SAINT", "SAINTE"), 1, CLOSE)
    return f"{saint[0]} {rest}" if saint and rest else key


# --- While it is typed ----------------------------------------------------------------------------------------------

def suggest(text, limit=MOST_SUGGESTIONS):
    """Up to `limit` CommuneName with their `commune`, one per commune: one statement, ranges of an index only.

    Today's name before old ones, an exact one before a beginning, then by population. Digits are a postal code.
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
    today = CommuneName.kind == "actuelle"
    return (_begins(start) & today) | (CommuneName.code == start), _first(today)


def _suggested(start):
    """The condition, then the rank."""
    today, exact, begins = CommuneName.kind == "actuelle", CommuneName.key == start, _begins(start)
    rank = Case(None, [(exact & today, 0), (begins & today, 1), (today, 2), (exact, 3)], 4)
    return begins | _begins(*_with_articles(start)[1:]) & today, rank
