"""Files a mandant keeps: the récépissé on paper, the days of the vote in a calendar. Made on demand, never stored."""
from typing import NamedTuple

from models import Status
from portal import mail
from portal.calendrier import calendar
from portal.paper import printed
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
        found.append(Document(SHEETS[name], "application/pdf", printed(sheet(name, facts))))
    if name == mail.NAMES["valider"] and facts["tours"]:
        found.append(Document("jours-de-vote.ics", "text/calendar", calendar(name, facts)))
    return found


def recepisse(procuration):
    """What its récépissé says today; None in a state that has none."""
    act = RECEPISSES.get(procuration.status)
    return act and sheet(mail.NAMES[act], mail.told(procuration, act))


def of(procuration, media_type):
    """The file's document of this type today, None where there is none."""
    act = RECEPISSES.get(procuration.status)
    made = attached(mail.NAMES[act], mail.told(procuration, act)) if act else ()
    return next((document for document in made if document.media_type == media_type), None)
