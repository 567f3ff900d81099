"""The official list of communes: read from a file, checked as a whole, and made the content of the tables.

A row of `CommuneName` is a way to a commune of today, by `kind`:

    actuelle                              today's name
    postal                                a postal code, as `key`
    mot                                   today's name from one of its later words on, as `key`
    deleguee, associee, arrondissement    the name of a part of a commune
    ancienne                              a code that is no more; `key` is its last name, or the code if that is lost
"""
import gzip
import json
import re
import zlib
from pathlib import Path
from typing import NamedTuple

from peewee import chunked

from models import Commune, CommuneName, database
from portal.communes import CODE, name_key, without_article
from portal.database import hold, on_postgresql, transaction
from portal.errors import Refused

SHIPPED = Path(__file__).parent / "data" / "communes.json.gz"
BATCH = 1000                           # rows written between two calls of `progress`
FEWEST = 30_000                        # 34 969 in 2026, after ten years of mergers
POSTAL_CODE = re.compile(r"\d{5}")
LATER_WORD = re.compile(r"(?<= )\w{4,}")  # shorter ones are SUR, LES, DES, AUX
KINDS = {"commune-actuelle": "actuelle", "commune-deleguee": "deleguee", "commune-associee": "associee",
         "arrondissement-municipal": "arrondissement"}
MAINLAND = {f"{number:02}" for number in range(1, 96)} - {"20"} | {"2A", "2B"}
ZONES = {"971": "America/Guadeloupe", "972": "America/Martinique", "973": "America/Cayenne",
         "974": "Indian/Reunion", "975": "America/Miquelon", "976": "Indian/Mayotte",
         "977": "America/St_Barthelemy", "978": "America/Marigot", "984": "Indian/Kerguelen",
         "986": "Pacific/Wallis", "987": "Pacific/Tahiti", "988": "Pacific/Noumea",
         "989": "Etc/GMT+8"}                                           # Clipperton has no zone of its own
ZONES_OF_ISLANDS = {"98719": "Pacific/Gambier", **dict.fromkeys(
    ("98718", "98723", "98731", "98746", "98756", "98757"), "Pacific/Marquesas")}
DEPARTEMENTS = MAINLAND | set(ZONES)


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


def import_communes(source=None, progress=None):
    """Make the tables say what the file `source` says (a path; the shipped list by default), see take_in().

    Raises UnusableList.
    """
    return take_in(read_list(source or SHIPPED), progress)


# --- The file -------------------------------------------------------------------------------------------------------

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
    def of_today(self):
        return self.kind == "actuelle"

    @property
    def zone(self):
        return ZONES_OF_ISLANDS.get(self.code) or ZONES.get(self.departement, "Europe/Paris")


def read_list(source):
    """The entries of `source` (a path), checked as a whole. Raises UnusableList."""
    entries = [_entry(number, row) for number, row in enumerate(_rows(source), 1)]
    check(entries)
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
        entry = _from_columns(row)
        sound = _sound(entry)
    except (AttributeError, KeyError, TypeError) as error:
        raise ListForeign(row=number) from error
    if not sound:
        raise ListForeign(row=number)
    return entry


def _from_columns(row):
    return Entry(row["code"], row["nom"], KINDS[row["type"]],
                 row.get("chefLieu") or row.get("commune") or row["code"], row["departement"],
                 row.get("population") or 0, tuple(row.get("codesPostaux", ())), tuple(row.get("anciensCodes", ())),
                 name_key(row["nom"]))


def _sound(entry):
    return (all(CODE.fullmatch(code) for code in (entry.code, entry.leads_to, *entry.former_codes))
            and all(POSTAL_CODE.fullmatch(code) for code in entry.postal_codes)
            and (entry.leads_to == entry.code or not entry.of_today)
            and entry.key and entry.name.isprintable() and len(entry.name) <= Commune.name.max_length
            and entry.departement in DEPARTEMENTS
            and type(entry.population) is int and entry.population >= 0)


def check(entries):
    """Raises ListIncomplete or ListIncoherent."""
    _check_complete(entries)
    _check_coherent(entries)


def _check_complete(entries):
    today = [entry for entry in entries if entry.of_today]
    missing = DEPARTEMENTS - {entry.departement for entry in today}
    if len(today) < FEWEST or missing:
        raise ListIncomplete(count=len(today), departements=" ".join(sorted(missing)) or "–")


def _check_coherent(entries):
    today, taken = {entry.code for entry in entries if entry.of_today}, set()
    for entry in entries:
        own = _own(entry)
        if entry.leads_to not in today or own & taken:
            raise ListIncoherent(code=entry.code)
        taken |= own


def _own(entry):
    """What no other entry may have: the code, as a commune or as a part of one, and a commune's label."""
    code = (entry.code, entry.of_today)
    return {code, (entry.key, entry.departement)} if entry.of_today else {code}


# --- The tables -----------------------------------------------------------------------------------------------------

COMMUNE_COLUMNS = (Commune.code, Commune.name, Commune.departement, Commune.population, Commune.postal_codes,
                   Commune.zone, Commune.listed)
NAME_COLUMNS = (CommuneName.commune, CommuneName.name, CommuneName.key, CommuneName.kind, CommuneName.code)


class Counts(NamedTuple):
    """What an import found (`listed` communes) and what it changed, in rows."""

    listed: int
    added: int
    changed: int
    left: int
    names_added: int
    names_removed: int


class _Difference(NamedTuple):
    """What is to be written, in the order of writing: a new name may have the place of a stale one."""

    left: list        # codes of communes
    communes: list    # rows, new or changed
    stale: list       # ids of names
    names: list       # rows, new


def take_in(entries, progress=None):
    """Make the tables say what `entries` say, in one transaction that writes only what differs. Returns Counts.

    A commune that left the list stays, as not listed, and keeps its address; its name leads on where the list knows
    the successor. `progress(done, total)` counts rows to write.
    """
    with transaction():
        hold("communes")
        known = {row[0]: row for row in Commune.select(*COMMUNE_COLUMNS).tuples()}
        listed = {entry.code: _commune_row(entry) for entry in entries if entry.of_today}
        difference = _difference(entries, listed, known)
        _write(difference, progress or (lambda done, total: None))
        if on_postgresql():
            database.execute_sql("ANALYZE commune, commune_name")  # until then its planner reads all communes
    added = sum(row[0] not in known for row in difference.communes)
    return Counts(len(listed), added, len(difference.communes) - added, len(difference.left), len(difference.names),
                  len(difference.stale))


def _difference(entries, listed, known):
    gone = {code: row for code, row in known.items() if code not in listed}
    names = _name_rows(entries, {code: row[1] for code, row in gone.items()})
    stored = {row[1:]: row[0] for row in CommuneName.select(CommuneName.id, *NAME_COLUMNS).tuples()}
    return _Difference(left=[code for code, row in gone.items() if row[-1]],
                       communes=[row for code, row in listed.items() if known.get(code) != row],
                       stale=[number for row, number in stored.items() if row not in names],
                       names=sorted(names - stored.keys()))


def _commune_row(entry):
    return (entry.code, entry.name, entry.departement, entry.population, " ".join(entry.postal_codes), entry.zone, True)


def _name_rows(entries, lost):
    """The set of rows of CommuneName. `lost`: names we knew by codes that are no commune of today."""
    named = {entry.code for entry in entries}
    rows = {_name_row(entry, entry.kind, entry.key) for entry in entries}
    for entry in entries:
        if entry.of_today:
            rows.update(_name_row(entry, "postal", code) for code in entry.postal_codes)
            rows.update(_name_row(entry, "mot", key) for key in _from_later_words(entry.key))
            rows.update(_former_row(entry, code, lost.get(code)) for code in entry.former_codes if code not in named)
    return rows


def _name_row(entry, kind, key):
    return (entry.leads_to, entry.name, key, kind, entry.code)


def _from_later_words(key):
    """BOURG EN BRESSE gives BRESSE, SAINT MAUR DES FOSSES gives MAUR DES FOSSES and FOSSES."""
    key = without_article(key)
    return (key[word.start():] for word in LATER_WORD.finditer(key))


def _former_row(entry, code, name):
    return (entry.code, name or entry.name, name_key(name) if name else code, "ancienne", code)


def _write(difference, progress):
    done, total = 0, sum(map(len, difference))
    for write, rows in zip((_unlist, _put_communes, _drop_names, _put_names), difference):
        for batch in chunked(rows, BATCH):
            write(batch)
            done += len(batch)
            progress(done, total)


def _unlist(codes):
    Commune.update(listed=False).where(Commune.code.in_(codes)).execute()


def _put_communes(rows):
    _execute_many(Commune.insert_many(rows[:1], COMMUNE_COLUMNS).on_conflict(
        conflict_target=[Commune.code], preserve=COMMUNE_COLUMNS[1:]), rows)


def _drop_names(numbers):
    CommuneName.delete().where(CommuneName.id.in_(numbers)).execute()


def _put_names(rows):
    _execute_many(CommuneName.insert_many(rows[:1], NAME_COLUMNS), rows)


def _execute_many(query, rows):
    """The query of one row for all: peewee would compose each anew, most of the time of an import."""
    database.cursor().executemany(query.sql()[0], rows)
