"""Files a mandant keeps: the récépissé on paper, the days of the vote in a calendar. Made on demand, never stored."""
from typing import NamedTuple

from models import Status
from portal import mail
from portal.calendrier import calendar
from portal.recepisse import sheet

RECEPISSES = {Status.DEPOSEE: "deposer", Status.ETABLIE: "etablir", Status.VALIDEE: "valider"}  # by the act it tells
SHEETS = {**{mail.NAMES[act]: "recepisse-procuration.pdf" for act in RECEPISSES.values()},  # file names, by mail
          "resiliation_demandee": "resiliation-procuration.pdf"}


class Document(NamedTuple):
    """`content` in bytes. No name, no reference in the file's name."""

    filename: str
    media_type: str
    content: bytes


def attached(name, facts):
    """What goes with the mail `name`, from its facts."""
    found = []
    if name in SHEETS:
        from portal.paper import printed    # its library weighs 23 MB, and most processes never print
        found.append(Document(SHEETS[name], "application/pdf", printed(sheet(name, facts))))
    if name == mail.NAMES["valider"] and facts["tours"]:
        found.append(Document("jours-de-vote.ics", "text/calendar", calendar(name, facts)))
    return found


def recepisse(procuration):
    """What its récépissé says today; None where it has none."""
    name, facts = _told(procuration)
    return name and sheet(name, facts)


def of(procuration, media_type):
    """The file's document of this type today, None where there is none."""
    name, facts = _told(procuration)
    made = attached(name, facts) if name else ()
    return next((document for document in made if document.media_type == media_type), None)


def _told(procuration):
    """(name, facts) of the mail whose récépissé it is today, None where its state has none, or where it was validated
    and an older act took its last place since (L. 73): nobody may count on it."""
    act = RECEPISSES.get(procuration.status)
    facts = act and mail.told(procuration, act)
    useless = act == "valider" and facts["tours_left_out"] and not facts["tours"]
    return (mail.NAMES[act], facts) if act and not useless else (None, None)
