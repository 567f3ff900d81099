"""The files the ministry takes in: accounts of officers and of first managers, or the addresses of mairies.

CSV with a line of headers, their order free; UTF-8 or Windows-1252; `;`, `,` or tabs between cells. `Reading` goes
through one batch by batch, from wherever it stopped, in bounded memory, and says what each line asks for. It writes
nothing.
"""
import codecs
import csv
import datetime
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email

from models import Agent, Role, now
from portal import names, siret
from portal.errors import Refused
from portal.names import tidy

BATCH = 2000                # lines read at a time
MOST_LINES = 200_000        # of a file: twice the officers of the country
LONGEST_LINE = 8192         # bytes; the widest real ones have 500
SPREAD = 5                  # lines one record may take: a lost quotation mark swallows the file
ENCODINGS = ("utf-8", "cp1252")
BOM = b"\xef\xbb\xbf"
OLDEST = 1900               # year of birth
COLUMNS = {  # the headers a column was met under; the first one is what the portal calls it
    "email": ("courriel", "adresse électronique", "adresse de courriel", "email", "mail", "mél"),
    "first_name": ("prénom", "first name"),
    "last_name": ("nom", "last name"),
    "role": ("rôle",),
    "quality": ("qualité", "quality", "grade"),
    "unit": ("unité", "unit", "service"),
    "place": ("lieu", "place", "ville"),
    "birth_date": ("date de naissance", "birth date"),
    "siret": ("SIRET",),
    "habilitated_from": ("habilité du", "habilité depuis", "habilitated from"),
    "habilitated_until": ("habilité jusqu'au", "habilité au", "habilitated until"),
    "commune": ("commune", "code commune", "code INSEE", "INSEE"),
    "delegated_from": ("délégation du", "délégation depuis", "delegated from"),
    "delegated_until": ("délégation jusqu'au", "délégation au", "delegated until"),
}
NEEDED = {"agents": ("email", "first_name", "last_name", "role"), "mairies": ("commune", "email")}
ROLES = {"OFFICIER": Role.OFFICER, "OPJ": Role.OFFICER, "APJ": Role.OFFICER, "OFFICER": Role.OFFICER,
         "GESTIONNAIRE": Role.MANAGER, "MAIRE": Role.MANAGER, "MANAGER": Role.MANAGER,
         "MAIRIE": Role.COMMUNE, "AGENT": Role.COMMUNE, "COMMUNE": Role.COMMUNE,
         "MINISTERE": Role.MINISTRY, "MINISTRY": Role.MINISTRY}
NOT_BY_FILE = {Role.MINISTRY: "role_ministry", Role.COMMUNE: "role_commune"}
OFFICERS_ONLY = ("unit", "place", "habilitated_from", "habilitated_until")
MANAGERS_ONLY = ("commune", "delegated_from", "delegated_until")
ON_THE_ACT = ("quality", "unit", "place")   # what an officer's acts say of their authority
DAYS = ("habilitated_from", "habilitated_until", "delegated_from", "delegated_until")
PERIODS = (("habilitated_from", "habilitated_until"), ("delegated_from", "delegated_until"))


class AgentFileUnusable(Refused):
    """Nothing can be taken from the file; nothing has changed."""


class AgentFileEmpty(AgentFileUnusable):
    """It has no line below its headers."""


class AgentFileBinary(AgentFileUnusable):
    """A spreadsheet, a PDF, UTF-16: no text of one byte a letter."""


class AgentFileHeaders(AgentFileUnusable):
    """The first line does not name the columns `missing`."""


class AgentFileTooWide(AgentFileUnusable):
    """`line` is longer than any such file's."""


class AgentFileTooLong(AgentFileUnusable):
    """It has more lines than `most`."""


class AgentFileQuotes(AgentFileUnusable):
    """Quotation marks are opened in `line` and not closed."""


class Unfit(Exception):
    """A line cannot be taken in: in which column, and what is wrong; `facts` fill the sentence's blanks."""

    def __init__(self, cell, fault, **facts):
        super().__init__(fault)
        self.cell, self.fault, self.facts = cell, fault, facts


class Line(NamedTuple):
    """What a line of the file asks for: text by column, or what is wrong with it. `number` is its place, from 1."""

    number: int
    subject: str
    content: dict
    unfit: Unfit | None = None


# --- The file, record by record -------------------------------------------------------------------------------------

class Encoding:
    """Which of ENCODINGS the pieces of a file are in, fed one after the other. Raises AgentFileBinary."""

    def __init__(self):
        self.decoder, self.name = codecs.getincrementaldecoder("utf-8")(), ENCODINGS[0]

    def feed(self, piece, final=False):
        if b"\0" in piece:
            raise AgentFileBinary()
        try:
            self.decoder.decode(piece, final)
        except UnicodeDecodeError:
            self.decoder, self.name = codecs.getincrementaldecoder("latin-1")(), ENCODINGS[1]


class Record(NamedTuple):
    """A line of the table: text, the number of its first line from 1, of its last one, where the next begins."""

    text: str
    first: int
    last: int
    end: int


def records(chunks, position, line, encoding):
    """The records of the bytes `chunks`, which begin at `position`, after `line` lines. Raises AgentFileUnusable."""
    held, first = b"", line + 1
    for raw in _lines(chunks, line):
        held, line, position = held + raw, line + 1, position + len(raw)
        if len(held) > LONGEST_LINE:
            raise AgentFileTooWide(line=first)
        if held.count(b'"') % 2 == 0:
            yield Record(_text(held, first, encoding), first, line, position)
            held, first = b"", line + 1
        elif line - first >= SPREAD:
            raise AgentFileQuotes(line=first)
    if held:
        raise AgentFileQuotes(line=first)


def _lines(chunks, line):
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for text in whole:
            line += 1
            yield text + b"\n"
        if len(rest) > LONGEST_LINE:
            raise AgentFileTooWide(line=line + 1)
    if rest:
        yield rest


def _text(raw, line, encoding):
    return (raw.removeprefix(BOM) if line == 1 else raw).decode(encoding, "replace")


# --- Columns --------------------------------------------------------------------------------------------------------

@lru_cache(1000)
def _header(text):
    return names.fold(text).replace(" ", "")


FIELDS = {_header(name): column for column, titles in COLUMNS.items() for name in (*titles, column)}


def layout(text):
    """What the first line says: the kind of file, the sign between cells, and where each column stands. Raises
    AgentFileHeaders."""
    signs = {sign: _places(_split(text, sign)) for sign in ";,\t"}
    sign = max(signs, key=lambda sign: len(signs[sign]))
    places = signs[sign]
    kind = "agents" if "role" in places or "first_name" in places else "mairies"
    missing = [column for column in NEEDED[kind] if column not in places]
    if missing:
        raise AgentFileHeaders(missing=", ".join(COLUMNS[column][0] for column in missing))
    return {"kind": kind, "sign": sign, "places": places}


def _split(text, sign):
    try:
        return next(csv.reader([text], delimiter=sign, strict=True), [])
    except csv.Error:
        return []


def _places(headers):
    places = {}
    for place, header in enumerate(headers):
        if column := FIELDS.get(_header(header)):
            places.setdefault(column, place)
    return places


# --- What a line says -----------------------------------------------------------------------------------------------

def read_line(record, layout):
    """The Line of a record; None for an empty one."""
    if not record.text.strip("\r\n ;,\t\""):
        return None
    cells = _split(record.text, layout["sign"])
    given = {column: _cell(cells[place]) for column, place in layout["places"].items() if place < len(cells)}
    given = {column: text for column, text in given.items() if text}
    subject = SUBJECTS[layout["kind"]](given)
    try:
        if not cells:
            raise Unfit(None, "quotes")
        return Line(record.first, subject, KINDS[layout["kind"]](given))
    except Unfit as unfit:
        return Line(record.first, subject, {}, unfit)


def _cell(text):
    """Without the apostrophe that keeps spreadsheets from taking a text for a number."""
    return tidy(text).removeprefix("'")


def account(given):
    """The columns of an Agent, as text, of what a line gives. Raises Unfit."""
    want(given, *NEEDED["agents"])
    said = {column: CHECKS[column](column, text) for column, text in given.items()}
    _refuse_others(said)
    for begin, end in PERIODS:
        if said.get(begin, "") > said.get(end, "9999"):
            raise Unfit(end, "order")
    return said


def mairie(given):
    """Code and address of a mairie. Raises Unfit."""
    want(given, *NEEDED["mairies"])
    return {"commune": code(None, given["commune"]), "email": address("email", given["email"])}


KINDS = {"agents": account, "mairies": mairie}
SUBJECTS = {"agents": lambda given: given.get("email", "").lower()[:254],
            "mairies": lambda given: given.get("commune", "").upper().zfill(5)[:254]}


def want(given, *columns):
    for column in columns:
        if column not in given:
            raise Unfit(column, "missing")


def _refuse_others(said):
    """A file opens officers' accounts and managers' ones, each with its own columns."""
    if said["role"] in NOT_BY_FILE:
        raise Unfit("role", NOT_BY_FILE[said["role"]])
    officer = said["role"] == Role.OFFICER
    for column in MANAGERS_ONLY if officer else OFFICERS_ONLY:
        if column in said:
            raise Unfit(column, "not_officers" if officer else "not_managers")
    if not officer:
        want(said, "commune")


def address(column, text):
    try:
        return validate_email(text, check_deliverability=False, allow_smtputf8=False).ascii_email.lower()
    except EmailNotValidError as error:
        raise Unfit(column, "address") from error


def person(column, text):
    if fault := names.fault(text):
        raise Unfit(column, fault, most=names.LONGEST)
    return text


def words(column, text):
    most = getattr(Agent, column).max_length
    if len(text) > most:
        raise Unfit(column, "too_long", most=most)
    if not text.isprintable() or "\ufffd" in text:
        raise Unfit(column, "characters")
    if names.leads_to_a_site(text):
        raise Unfit(column, "site")
    return text


def role(column, text):
    if found := ROLES.get(_header(text)):
        return found
    raise Unfit(column, "role")


def day(column, text):
    """DD/MM/YYYY or YYYY-MM-DD as the latter."""
    if re.fullmatch(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}", text, re.ASCII):
        text = "-".join(part.zfill(2) for part in reversed(re.split("[/.-]", text)))
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            raise ValueError
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise Unfit(column, "day") from error


def birth_day(column, text):
    found = day(column, text)
    if not f"{OLDEST}-01-01" <= found < now().date().isoformat():
        raise Unfit(column, "birth")
    return found


def establishment(column, text):
    if digits := siret.read(text):
        return digits
    raise Unfit(column, "siret")


def code(column, text):
    """An INSEE code: spreadsheets lose the zero of 01004."""
    return text.upper().zfill(5)[:6]


CHECKS = {"email": address, "first_name": person, "last_name": person, "role": role, "quality": words, "unit": words,
          "place": words, "birth_date": birth_day, "siret": establishment, "commune": code, **dict.fromkeys(DAYS, day)}


# --- All of it ------------------------------------------------------------------------------------------------------

@dataclass
class Reading:
    """How far a file was read. `layout` begins with its encoding, and knows its columns once the first line is read."""

    layout: dict
    position: int = 0
    line: int = 0
    ended: bool = False

    def advance(self, source):
        """Read the next records: [Line]. `source(position)` gives the bytes from there on, in chunks. Raises
        AgentFileUnusable."""
        found, read = [], 0
        for record in records(source(self.position), self.position, self.line, self.layout["encoding"]):
            found += filter(None, [self._take(record)])
            self.position, self.line, read = record.end, record.last, read + 1
            if self.line > MOST_LINES:
                raise AgentFileTooLong(most=MOST_LINES)
            if read == BATCH:
                return found
        self.ended = True
        return found

    def _take(self, record):
        if "kind" in self.layout:
            return read_line(record, self.layout)
        self.layout = {**self.layout, **layout(record.text)}
        return None
