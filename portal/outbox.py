"""The outbox: composes what `portal.mail` queued and hands it to the mail server.

At least once: who dies between the server's yes and our own note of it sends again when the lease is over, under the
same Message-ID. Mails of one file leave in the order of its acts.
"""
import datetime
import hashlib
import random
import re
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from itertools import accumulate, chain, repeat, takewhile
from typing import NamedTuple

from peewee import fn

from models import Mail, now
from portal import carriers, documents, settings
from portal.carriers import Interrupted, TurnedAway
from portal.database import on_postgresql, transaction
from portal.mail import NAMES, preview
from portal.texts import filled
from portal.typography import loosen

BATCH = 20
LEASE = datetime.timedelta(seconds=120)
PAUSES = (30, 60, 120, 300, 600, 900)          # seconds after a first refusal, a second…
LAST_PAUSE = 1800                              # then every half hour
PATIENCE = 72 * 3600                           # seconds of pauses in all: a whole week-end
MOST_TRIES = 1 + sum(1 for _ in takewhile(PATIENCE.__ge__, accumulate(chain(PAUSES, repeat(LAST_PAUSE)))))
JITTER = 0.2                                   # of a pause, either way


class Rendered(NamedTuple):
    """A mail as people read it. `subject` is one line."""

    subject: str
    text: str
    html: str


def render(name, context):
    """The mail `name` of `templates/mails` with the facts of `portal.mail.facts`. Needs no request."""
    subject = loosen(filled(f"mails/{name}/subject.txt", context)).strip()  # cut and sorted by machines
    return Rendered(subject, filled(f"mails/{name}/body.txt", context),
                    filled(f"mails/{name}/body.html", {**context, "subject": subject}))


def previewed(procuration, act, *said):
    """The mail that `act` would send now, None where no address was given. `said`: its reason, comment and evidence."""
    return render(NAMES[act], preview(procuration, act, *said)) if procuration.email else None


def compose(mail):
    """The message of an outbox row. No word of anybody stands in its headers but the recipient's address."""
    rendered = render(mail.name, mail.context)
    sender = settings.active().mail_from
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = _address(mail.recipient)
    message["Subject"] = rendered.subject
    message["Date"] = format_datetime(now())
    message["Message-ID"] = message_id(mail)
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = "fr"
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    for document in documents.attached(mail.name, mail.context):
        maintype, subtype = document.media_type.split("/")
        message.add_attachment(document.content, maintype, subtype, filename=document.filename)
    return message


def message_id(mail):
    """The same for every try: who receives a mail twice can tell."""
    domain = settings.active().mail_from.rpartition("@")[2].rstrip("> ")
    return f"<{hashlib.sha256(f'{mail.key}|{mail.id}'.encode()).hexdigest()[:40]}@{domain}>"


def _address(recipient):
    """The address with its domain in ASCII, which servers of any age understand. Raises TurnedAway."""
    local, _, domain = recipient.rpartition("@")
    try:
        address = Address(username=local, domain=domain.encode("idna").decode())
    except (ValueError, MessageError) as error:
        raise TurnedAway(553, type(error).__name__) from error
    if not (local and domain):
        raise TurnedAway(553, "incomplete")
    return address


# --- Sending --------------------------------------------------------------------------------------------------------

def send_batch(limit=BATCH, stopping=lambda: False):
    """Send at most `limit` mails that are due; several workers may. Returns how many left, were put off or died.

    Stops between two mails when `stopping()`. Raises `carriers.Unreachable` when the server is to blame: what was
    not tried waits as before, and the caller should pause.
    """
    batch = claim(limit)
    carrier = carriers.open_carrier(settings.active().mail_url)
    done = 0
    try:
        for mail in batch:
            if stopping() or _lease_ends(mail):
                break
            _deliver(mail, carrier)
            done += 1
    finally:
        carrier.close()
        _give_back(batch)
    return done


def claim(limit):
    """Take a lease on the oldest mails that are due, those of a dead worker first."""
    abandoned = (Mail.state == "sending") & (Mail.lease_until < now())
    waiting = (Mail.state == "waiting") & (Mail.next_at <= now())
    if not Mail.select().where(abandoned | waiting).exists():
        return []  # without the write lock, which SQLite gives to one at a time
    with transaction():
        batch = _due(limit, abandoned, Mail.lease_until)
        batch += _due(limit - len(batch), waiting, Mail.next_at)
        lease = now() + LEASE
        for mail in batch:
            mail.state, mail.lease_until = "sending", lease
        Mail.update(state="sending", lease_until=lease).where(Mail.id.in_([mail.id for mail in batch])).execute()
    return batch


def _due(limit, condition, order):
    """An earlier mail of the same file to the same address that still waits holds the later ones. Two conditions, so
    that each is a range of the index however many wait."""
    earlier = Mail.alias()
    held = (earlier.select(earlier.id).where(earlier.procuration == Mail.procuration, earlier.id < Mail.id,
                                             earlier.recipient == Mail.recipient,
                                             earlier.state.in_(("waiting", "sending"))))
    due = Mail.select().where(condition, ~fn.EXISTS(held)).order_by(order).limit(limit)
    return list(due.for_update("FOR UPDATE SKIP LOCKED") if on_postgresql() else due)


def _lease_ends(mail):
    return now() + datetime.timedelta(seconds=carriers.TOTAL + carriers.CONNECT) > mail.lease_until


def _deliver(mail, carrier):
    """One try. What the mail itself is to blame for ends here; what the server is goes up."""
    try:
        carrier.carry(_composed(mail))
    except TurnedAway as refused:
        _settle(mail, refused, lasting=refused.lasting)
    except Interrupted as interrupted:
        _settle(mail, interrupted)
        raise
    else:
        _note(mail, state="sent", sent_at=now(), error=None)


def _composed(mail):
    """A mail that cannot be composed must not hold the others; the next release may know how."""
    try:
        return compose(mail)
    except TurnedAway:
        raise
    except Exception as error:
        raise TurnedAway(451, type(error).__name__) from error


def _settle(mail, error, lasting=False):
    """Put the mail off, or bury it: it stays visible, with the server's last word."""
    tries = mail.tries + 1
    _note(mail, Mail.lease_until == mail.lease_until, state="dead" if lasting or tries >= MOST_TRIES else "waiting",
          tries=tries, next_at=now() + _pause(tries), error=_without_address(str(error), mail.recipient))


def _pause(tries):
    seconds = PAUSES[tries - 1] if tries <= len(PAUSES) else LAST_PAUSE
    return datetime.timedelta(seconds=seconds * random.uniform(1 - JITTER, 1 + JITTER))


def _without_address(answer, recipient):
    local = re.escape(recipient.rpartition("@")[0]) or "@"
    readable = re.sub(rf"\S*@\S*|{local}", "…", answer, flags=re.IGNORECASE)
    return " ".join("".join(sign if sign.isprintable() else " " for sign in readable).split())[:200]


def _note(mail, *conditions, **columns):
    mail.state = columns["state"]
    Mail.update(lease_until=None, **columns).where(Mail.id == mail.id, *conditions).execute()


def _give_back(batch):
    untried = [mail for mail in batch if mail.state == "sending"]
    if untried:
        (Mail.update(state="waiting", lease_until=None)
         .where(Mail.id.in_([mail.id for mail in untried]), Mail.state == "sending",
                Mail.lease_until == untried[0].lease_until).execute())


def resend(mail):
    """Let a dead mail try again from the beginning. False when it was not dead, or its content is erased."""
    return bool(Mail.update(state="waiting", tries=0, next_at=now(), error=None)
                .where(Mail.id == mail.id, Mail.state == "dead", Mail.context.is_null(False)).execute())
