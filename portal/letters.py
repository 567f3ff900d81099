"""Letters: what a mandant without an address is told, on paper, by the town hall (design 4).

A letter is a row of the outbox in the state `letter`, written by `portal.mail.queue` in the transaction of the act. The
town hall prints it, posts it and says so; the worker never touches it.
"""
import datetime
import logging
from typing import NamedTuple

from jinja2 import UndefinedError
from markupsafe import Markup

from models import Commune, Mail, Personne, now
from portal import journal, scrutins
from portal.database import transaction
from portal.errors import Refused
from portal.mail import LETTERS, NAMES, preview
from portal.texts import LETTER, filled

log = logging.getLogger("maprocuration")


class AlreadyPosted(Refused):
    """A colleague said already that this letter was posted."""

    status = 409


class NotPosted(Refused):
    """The letter still waits: there is nothing to take back."""

    status = 409


class PostedBefore(Refused):
    """What was said to be posted can be taken back on the same day only: afterwards it is on its way."""

    status = 409


class Letter(NamedTuple):
    """A letter to print. `to` is the mandant, `day` local, `body` HTML; None where its content was erased."""

    file: int
    commune: Commune
    to: Personne
    day: datetime.date
    subject: str
    body: Markup | None


def written(mails):
    """The letters of these rows of the outbox, in their order. Three statements, however many they are."""
    mails = list(mails)
    contexts = dict(Mail.select(Mail.id, Mail.context).where(Mail.id.in_([mail.id for mail in mails])).tuples())
    communes = {row.code: row for row in Commune.select().where(Commune.code.in_({mail.commune_id for mail in mails}))}
    people = mandants(mails)
    return [_written(mail, communes[mail.commune_id], people[mail.procuration_id], contexts[mail.id]) for mail in mails]


def mandants(mails):
    """The mandant of each file that `mails` are about. One statement."""
    files = {mail.procuration_id for mail in mails}
    found = Personne.select().where(Personne.procuration.in_(files), Personne.role == "mandant")
    return {person.procuration_id: person for person in found}


def _written(mail, commune, mandant, context):
    day = scrutins.local_day(mail.created_at, commune)
    return Letter(mail.procuration_id, commune, mandant, day, *_composed(mail, context))


def _composed(mail, context):
    """Subject and body. One letter whose facts are those of another release must not keep the others from the printer.
    """
    if context is None:
        return None, None
    try:
        subject = filled(f"mails/{mail.name}/subject.txt", context).strip()
        return subject, Markup(filled(f"mails/{mail.name}/body.html", {**context, "subject": subject}, layout=LETTER))
    except UndefinedError as error:
        log.warning("letter %s: %s", mail.id, error)
        return None, None


def previewed(procuration, act, *said):
    """The letter that `act` would make now, None where it makes none. `said`: see `portal.outbox.previewed`."""
    if act in LETTERS:
        composed = _composed(Mail(name=NAMES[act]), preview(procuration, act, *said))
        commune = procuration.commune
        return Letter(procuration.id, commune, procuration.mandant, scrutins.today(commune), *composed)


# --- Posted ---------------------------------------------------------------------------------------------------------

def post(mail, agent):
    """The letter has left. Raises AlreadyPosted."""
    with transaction():
        if not Mail.update(state="sent", sent_at=now()).where(Mail.id == mail.id, Mail.state == "letter").execute():
            raise AlreadyPosted()
        journal.record(agent, "poster", "procuration", mail.procuration_id)


def take_back(mail, agent):
    """It was not posted after all: it waits again. Raises NotPosted, PostedBefore."""
    with transaction():
        current = Mail.select(Mail.id, Mail.state, Mail.sent_at).where(Mail.id == mail.id).get()
        if current.state != "sent":
            raise NotPosted()
        if scrutins.local_day(current.sent_at, agent.commune) < scrutins.today(agent.commune):
            raise PostedBefore()
        if not (Mail.update(state="letter", sent_at=None)
                .where(Mail.id == mail.id, Mail.state == "sent", Mail.sent_at == current.sent_at).execute()):
            raise NotPosted()
        journal.record(agent, "deposter", "procuration", mail.procuration_id)
