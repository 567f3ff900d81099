"""What a voter may ask of us (RGPD, articles 15 and 20): their own data, who looked at it, until when it is kept.

Authorities are told by their role, never by their name. What a voter named of the mandataire is shown to them: they
gave it. What was written to the mandataire is not: whether an address wants no mail is nobody else's.
"""
from functools import reduce
from operator import or_
from typing import NamedTuple

from peewee import SQL, Value, fn

from models import AGENT_ROLES, Event, Mail, Procuration, UtcDateTimeField
from portal import law, scrutins, voters
from portal.database import on_postgresql
from portal.texts import filled

MOST = 1000                                 # events of one page or download, the latest
BEGINNINGS = ("etablir", "saisir")          # from here a town hall sees a file
PERSON = ("birth_name", "used_name", "first_names", "sex", "birth_date", "birth_place", "nne", "email", "station")
VOTER = ("birth_name", "used_name", "first_names", "sex", "birth_date", "birth_place", "birth_country", "email",
         "seen_at")
FILE = ("status", "origin", "valid_until", "email", "email_confirmed_at", "filed_at", "lapses_at", "established_at",
        "authority", "authority_place", "abroad", "decided_at", "declined_at", "evidence", "certified")
PASSAGE = ("act", "status", "at", "role", "reason", "comment")


class Access(NamedTuple):
    """An authority opened a file, listed or exported it, or acted on it."""

    at: object
    role: str
    act: str


# --- Which files ----------------------------------------------------------------------------------------------------

def own(voter):
    """A condition: the voter's files, and the paper acts in their name. One statement, so that no plan reads all
    files."""
    typed = voters.paper_acts_of(voter)
    return (Procuration.voter == voter) | Procuration.id.in_(typed) if typed else Procuration.voter == voter


def kept_until(file):
    """The last local day of a file: a retention after its validity, or after its filing if it was never established."""
    if file.established_at:
        return file.valid_until + law.retention()
    return scrutins.local_day(file.filed_at + law.life_of_a_request(), file.commune)


# --- What was sent --------------------------------------------------------------------------------------------------

def mails(files):
    """{file's id: the mails to the mandant, in order}, each with its `subject`. No word of their content, which may
    hold a secret link. One statement."""
    rows = (Mail.select(Mail.id, Mail.procuration, Mail.name, Mail.recipient, Mail.state, Mail.context, Mail.created_at,
                        Mail.sent_at)
            .where(Mail.procuration.in_([file.id for file in files]), ~Mail.key.endswith(":mandataire"))
            .order_by(Mail.id))
    found = {file.id: [] for file in files}
    for mail in rows:
        mail.subject = filled(f"mails/{mail.name}/subject.txt", mail.context or {}).strip()  # erased in its time
        found[mail.procuration_id].append(mail)
    return found


# --- Who looked -----------------------------------------------------------------------------------------------------

def accesses(files):
    """{file's id: [Access]}, the latest first. Two statements whatever the journal holds, MOST rows each: events about
    one file by its number; what its town hall did with several at once, lists and exports, since it sees it.

    SQLite gives the number of an erased file again: what was done before this one began was done to another."""
    found, begun = {file.id: [] for file in files}, {file.id: file.passages[0].at for file in files}
    for number, access in sorted([*_single(files), *_of_several(files)], key=lambda row: row[1].at, reverse=True):
        if access.at >= begun[number]:
            found[number].append(access)
    return found


def _single(files):
    rows = (Event.select(Event.subjects, Event.at, Event.role, Event.act)
            .where(Event.subjects.in_([str(file.id) for file in files]), fn.LENGTH(Event.subjects) <= SQL("20"),
                   Event.subject == "procuration", Event.role.in_(AGENT_ROLES))
            .order_by(Event.at.desc()).limit(MOST))
    return [(int(subjects), Access(at, role, act)) for subjects, at, role, act in rows.tuples()]


def _of_several(files):
    """The ids stay in the database: those of an export are many."""
    since = {file: begun for file in files if (begun := _seen_since(file))}
    if not since:
        return []
    named = [_position(f" {file.id} ") > 0 for file in since]
    rows = (Event.select(Event.at, Event.role, Event.act, *named)
            .where(Event.commune.in_({file.commune_id for file in since}), Event.at >= min(since.values()),
                   Event.subject == "procuration", _position(" ", Event.subjects) > 0, reduce(or_, named))
            .order_by(Event.at.desc()).limit(MOST))
    return [(file.id, Access(_instant(at), role, act)) for at, role, act, *flags in rows.tuples()
            for file, flag in zip(since, flags) if flag]


def _instant(value):
    return UtcDateTimeField().python_value(value)


def _position(text, within=None):
    """Where `text` stands in the list of ids, 0 when it does not."""
    within = Value(" ").concat(Event.subjects).concat(" ") if within is None else within
    return (fn.STRPOS if on_postgresql() else fn.INSTR)(within, text)


def _seen_since(file):
    """When a town hall began to see it, None while none does; acts are in order."""
    return next((passage.at for passage in file.passages if passage.act in BEGINNINGS), None)


# --- The download ---------------------------------------------------------------------------------------------------

def document(voter, files):
    """All of it as JSON takes it, under the names of `models.py` (docs/own-data.md). `files` as the page has them."""
    return {"identity": _columns(voter, VOTER), "procurations": [_file(file) for file in files]}


def _columns(row, names):
    return {name: _plain(getattr(row, name)) for name in names}


def _plain(value):
    return value.isoformat() if hasattr(value, "isoformat") else value


def _file(file):
    return {
        **_columns(file, FILE),
        "references": [_columns(row, ("code", "kind", "drawn_at", "used_at")) for row in file.references],
        "commune": file.commune.label,
        "scrutin": file.scrutin and file.scrutin.name,
        "tours": [{"number": vise.tour.number, "day": _plain(file.days[vise.tour.id]),
                   "place_held": vise.tour in file.held} for vise in file.tours_vises],
        **{person.role: {**_columns(person, PERSON), "commune": person.commune and person.commune.label}
           for person in file.personnes},
        "history": [_columns(passage, PASSAGE) for passage in file.passages],
        "mails": [_columns(mail, ("subject", "recipient", "state", "created_at", "sent_at")) for mail in file.mails],
        "accesses": [{**access._asdict(), "at": _plain(access.at)} for access in file.accesses],
        "kept_until": _plain(file.kept_until),
    }
