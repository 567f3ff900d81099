"""The files electoral rolls come in: the REU's list of active electors, and the columns of the arrêté du 12 novembre
2013 (INTA1326795A). Both are CSV with `;` in UTF-8; columns are known by their headers, never by their place.

`Reading` goes through such a file batch by batch, from wherever it stopped, in bounded memory. It writes nothing.
"""
import csv
import datetime
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from models import Elector, Roll, now
from portal.errors import Refused
from portal.names import LONGEST, tidy
from portal.rolls import UNKNOWN, joined

BATCH = 2000                # records read at a time
LONGEST_LINE = 65_536       # bytes; the widest real ones have 600
MOST_LINES = 5              # of a record: an address may hold a line break, a lost quotation mark swallows the file
MOST_FAULTS = 100           # told one by one; all are counted
OLDEST = 120                # years
BOM = b"\xef\xbb\xbf"
LINES = {  # what is read of a line: the headers it was met under
    "unit": ("code de l'ugle", "code ugle"),
    "departement": ("CodeDepartement",),
    "town": ("CodeCommune", "code de la commune"),
    "kind": ("libellé du type de liste", "type de liste", "code du type de liste", "TypeListe"),
    "birth_name": ("nom de naissance",),
    "used_name": ("nom d'usage",),
    "first_names": ("prénoms", "prénom"),
    "sex": ("sexe",),
    "birth_date": ("date de naissance",),
    "station": ("code du bureau de vote", "NoBureauDeVote", "bureau de vote"),
    "station_label": ("libellé du bureau de vote", "NomBureauDeVote"),
    "number": ("numéro d'ordre dans le bureau de vote", "NoElecteurGeneral"),
    "nne": ("numéro national d'électeur", "identifiant national d'électeur", "NNE", "INE"),
}
NEEDED = ("kind", "birth_name", "first_names", "sex", "birth_date", "station")
KINDS = {"LP": "LP", "LISTEPRINCIPALE": "LP", "PRINCIPALE": "LP", "P": "LP",
         "LCM": "LCM", "LISTECOMPLEMENTAIREMUNICIPALE": "LCM", "COMPLEMENTAIREMUNICIPALE": "LCM", "M": "LCM",
         "LCE": "LCE", "LISTECOMPLEMENTAIREEUROPEENNE": "LCE", "COMPLEMENTAIREEUROPEENNE": "LCE", "E": "LCE"}
COLUMNS = (Elector.roll, Elector.birth_name, Elector.used_name, Elector.first_names, Elector.sex, Elector.birth_date,
           Elector.key, Elector.used_key, Elector.station, Elector.station_label, Elector.number, Elector.nne)


class RollUnusable(Refused):
    """The file cannot become the roll of the commune; the former one stands."""


class RollEmpty(RollUnusable):
    """No elector can be read in it."""


class RollTruncated(RollUnusable):
    """It ends within `line`."""


class RollForeign(RollUnusable):
    """`line` is of another commune, whose code is `code`."""


class RollEncoding(RollUnusable):
    """`line` is not UTF-8."""


class RollBinary(RollUnusable):
    """A spreadsheet, a PDF, UTF-16: no text of one byte a letter."""


class RollHeaders(RollUnusable):
    """The first line does not name the columns `missing`."""


class RollTooWide(RollUnusable):
    """`line` is longer than any roll's."""


class RollQuotes(RollUnusable):
    """Quotation marks are opened in `line` and not closed."""


class LeftOut(Exception):
    """The line names nobody who could be found; its argument says why."""


# --- The file, record by record -------------------------------------------------------------------------------------

class Record(NamedTuple):
    """A line of the table: text, the number of its first line from 1, of its last one, where the next begins."""

    text: str
    first: int
    last: int
    end: int


def records(chunks, position=0, line=0):
    """The records of the bytes `chunks`, which begin at `position`, after `line` lines. Raises RollUnusable."""
    held, first = b"", line + 1
    for raw in _lines(chunks, line):
        held, line, position = held + raw, line + 1, position + len(raw)
        if len(held) > LONGEST_LINE:
            raise RollTooWide(line=line)
        if held.count(b'"') % 2 == 0:
            if not raw.endswith(b"\n"):
                raise _broken(held, first)
            yield Record(_text(held, first), first, line, position)
            held, first = b"", line + 1
        elif line - first >= MOST_LINES:
            raise RollQuotes(line=first)
    if held:
        raise _broken(held, first)


def _lines(chunks, line):
    """Lines with their end; the last one may have none."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for text in whole:
            line += 1
            yield text + b"\n"
        if len(rest) > LONGEST_LINE:
            raise RollBinary() if b"\0" in rest else RollTooWide(line=line + 1)
    if rest:
        yield rest


def _broken(held, first):
    """Of a file that does not end with its last line."""
    return RollBinary() if b"\0" in held else RollTruncated(line=first)


def _text(raw, line):
    if b"\0" in raw:
        raise RollBinary()
    try:
        return (raw.removeprefix(BOM) if line == 1 else raw).decode()
    except UnicodeDecodeError as error:
        raise RollEncoding(line=line) from error


def cells(text):
    """The cells of a record; LeftOut when its quotation marks make no sense."""
    try:
        return next(csv.reader([text], delimiter=";", strict=True), [])
    except csv.Error as error:
        raise LeftOut("quotes") from error


# --- Columns --------------------------------------------------------------------------------------------------------

_header = lru_cache(1000)(joined)    # headers and kinds of lists: a handful of them, in a sound file
FIELDS = {_header(name): column for column, names in LINES.items() for name in names}


def layout(headers):
    """Where each column stands: {column: place}, `width` being how many there are. Raises RollHeaders."""
    places = {"width": len(headers)}
    for place, header in enumerate(headers):
        if column := FIELDS.get(_header(header)):
            places.setdefault(column, place)
    missing = [column for column in NEEDED if column not in places]
    if "unit" not in places and "town" not in places:
        missing.append("unit")
    if missing:
        raise RollHeaders(missing=", ".join(LINES[column][0] for column in missing))
    return places


class Line:
    """The cells of a record by the name of their column."""

    def __init__(self, places, cells):
        width = places["width"]
        if len(cells) < width or any(cells[width:]):
            raise LeftOut("columns")
        self.places, self.cells = places, cells

    def __getitem__(self, column):
        """Tidy and printable; empty where the file has no such column."""
        place = self.places.get(column)
        if place is None or not self.cells[place]:
            return ""
        text = tidy(self.cells[place])
        return text if text.isprintable() else tidy("".join(sign for sign in text if sign.isprintable()))


def codes(line):
    """The INSEE codes the line may mean: spreadsheets lose the zero of 01004, and overseas share a digit."""
    if line["unit"]:
        return {line["unit"].upper().zfill(5)}
    departement, town = line["departement"], line["town"]
    return {code.zfill(5) for code in (town, departement + town.zfill(3), departement[:2] + town.zfill(3),
                                       departement + town.zfill(2)) if town and len(code) in (4, 5)}


# --- What a line says -----------------------------------------------------------------------------------------------

def kind(line):
    """LP, LCM or LCE."""
    if found := KINDS.get(_header(line["kind"])):
        return found
    raise LeftOut("kind")


def elector(line):
    """The columns of an Elector, its roll excepted, and the doubts there are. Raises LeftOut.

    Somebody whose birth date or sex cannot be read stays on the roll: to leave them out could cost a vote.
    """
    names = [line[column] for column in ("birth_name", "used_name", "first_names")]
    birth, used, first = (_folded(name) for name in names)
    if not birth:
        raise LeftOut("name")
    birth_date, sex, nne = birth_date_of(line["birth_date"]), SEX.get(line["sex"][:1].upper()), number(line["nne"])
    doubts = [doubt for doubt, there in (
        ("date", birth_date is None), ("old", birth_date and too_old(birth_date)), ("sex", sex is None),
        ("nne", line["nne"] and nne is None), ("characters", "\ufffd" in names[0] + names[2])) if there]
    return (names[0], names[1] or None, names[2], sex or "X", birth_date or UNKNOWN, f"{birth} {first}",
            f"{used} {first}" if used and used != birth else None, line["station"][:10], line["station_label"][:100],
            line["number"][:10], nne), doubts


SEX = {"F": "F", "M": "M", "H": "M"}    # féminin, masculin, homme


def _folded(name):
    """See portal.rolls.key_of; LeftOut when it is too long for the tables."""
    folded = joined(name) if len(name) <= 2 * LONGEST else name
    if len(folded) > 2 * LONGEST:
        raise LeftOut("too_long")
    return folded


def birth_date_of(text):
    """DD/MM/YYYY, 00/00/1953, 05/1961 or 1961 as YYYY-MM-DD with 00 for what it does not say; None for no such day."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        text = "/".join(reversed(text.split("-")))
    if not re.fullmatch(r"(\d{1,2}/){0,2}\d{4}", text, re.ASCII):
        return None
    day, month, year = ([0, 0] + [int(part) for part in text.split("/")])[-3:]
    try:
        there = datetime.date(year, month or 1, day or 1) <= now().date() and (month or not day)
    except ValueError:
        return None
    return f"{year:04}-{month:02}-{day:02}" if there else None


def too_old(birth_date):
    return int(birth_date[:4]) < now().year - OLDEST


def number(text):
    """An NNE as 8 or 9 digits, None where it is none."""
    digits = re.sub(r"[\s.-]", "", text)
    return digits if re.fullmatch(r"\d{8,9}", digits, re.ASCII) else None


# --- All of it ------------------------------------------------------------------------------------------------------

def a_report():
    """What was found: electors by kind, lines left out, faults and how many, [line, fault, is the elector kept]."""
    return {"electors": dict.fromkeys(Roll.KINDS, 0), "left_out": 0, "faults": [], "fault_count": 0}


@dataclass
class Reading:
    """How far a file was read. `communes` are the codes its lines may bear."""

    communes: frozenset
    position: int = 0
    line: int = 0
    layout: dict | None = None
    report: dict = field(default_factory=a_report)
    ended: bool = False

    def advance(self, source):
        """Read the next records: [(kind, columns of an Elector)]. `source(position)` gives the bytes from there on, in
        chunks. Raises RollUnusable."""
        rows, read = [], 0
        for record in records(source(self.position), self.position, self.line):
            rows += self._take(record)
            self.position, self.line, read = record.end, record.last, read + 1
            if read == BATCH:
                return rows
        self._end()
        return rows

    def _take(self, record):
        """The row of a record, none for a header, an empty line or one that is left out."""
        try:
            if self.layout is None:
                self.layout = layout(_headers(record.text))
                return []
            return self._row(record)
        except LeftOut as fault:
            self.report["left_out"] += record.last - record.first + 1
            self._tell(record.first, str(fault), False)
            return []

    def _row(self, record):
        if not record.text.strip(";\r\n \""):
            return []
        line = Line(self.layout, cells(record.text))
        self._check_commune(line, record.first)
        roll, (columns, doubts) = kind(line), elector(line)
        self.report["electors"][roll] += 1
        for doubt in doubts:
            self._tell(record.first, doubt, True)
        return [(roll, columns)]

    def _check_commune(self, line, number):
        named = codes(line)
        if not named:
            raise LeftOut("unit")
        if not named & self.communes:
            raise RollForeign(line=number, code=max(named, key=len))

    def _tell(self, line, fault, kept):
        self.report["fault_count"] += 1
        if len(self.report["faults"]) < MOST_FAULTS:
            self.report["faults"].append([line, fault, kept])

    def _end(self):
        if not any(self.report["electors"].values()):
            raise RollEmpty()
        self.ended = True


def _headers(text):
    try:
        return cells(text)
    except LeftOut as error:
        raise RollHeaders(missing=LINES["birth_name"][0]) from error
