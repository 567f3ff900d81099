"""Where a mandant is told: FranceConnect's address is taken as it is, another is confirmed by a link first.

Until then the mails of the file are `held` in the outbox; the confirmation lets them go, in its own transaction. The
request itself never waits: its reference is on the page. An address may be corrected as long as mails may follow: what
has not left then goes to the new one, and a former one that was confirmed is told that nothing more comes.

A link is sent to the address it confirms and to no other; its token is derived from a draw kept with the mail, so that
the database alone opens nothing.
"""
import datetime
import secrets
from contextlib import suppress

from peewee import fn

from models import LIVE, Mail, Procuration, SingleUse, Status, now
from portal import journal, scrutins
from portal.database import hold, transaction
from portal.errors import LinkDead, Refused
from portal.single_use import digest, spend, token_of

MAIL = "confirmer_adresse"
MOVED = "adresse_changee"                   # to the former address, once confirmed
KIND = "address"                            # of its links
TOLD_OF = (Status.DEPOSEE, *LIVE, Status.INVALIDEE)     # more may follow: a decision may be taken back
LIFE = datetime.timedelta(hours=72)
PAUSE = datetime.timedelta(minutes=1)       # between two links to one address
MOST_A_DAY = 5                              # links of one file: the address may be a stranger's
DAY = datetime.timedelta(days=1)


class AddressConfirmed(Refused):
    """The address is confirmed: there is no link to send."""

    status = 409


class NothingMoreToTell(Refused):
    """The file has ended: no mail will follow, whatever its address."""

    status = 409


class LinkJustSent(Refused):
    """A link left for this address less than a minute ago."""

    status = 429


class TooManyLinks(Refused):
    """The file has had `most` links in 24 hours."""

    status = 429


class AddressLinkDead(Refused):
    """The link is unknown, too old, or went to an address that was corrected since."""

    status = 404


# --- At the filing, and at each act ---------------------------------------------------------------------------------

def is_known(email, voter):
    """FranceConnect gave it, or this voter confirmed it for another file."""
    confirmed = (Procuration.voter == voter, fn.LOWER(Procuration.email) == email.lower(),
                 Procuration.email_confirmed_at.is_null(False))
    return email.lower() == (voter.email or "").lower() or Procuration.select().where(*confirmed).exists()


def send_link(procuration):
    """Queue a link to the file's address, in the transaction of the caller."""
    draw = secrets.token_urlsafe(32)
    SingleUse.create(hash=digest(token_of(draw, KIND)), kind=KIND, subject=str(procuration.id),
                     expires_at=now() + LIFE)
    Mail.create(key=f"{MAIL}:{procuration.id}:{draw[:22]}:mandant", procuration=procuration, name=MAIL,
                recipient=procuration.email, context={"draw": draw})


def recipient_of(procuration):
    """(address, state) for a mail of the file, in the transaction that wrote the file's row. Read anew: a correction or
    a confirmation waits for that row, or has just been first."""
    current = Procuration.get_by_id(procuration.id)
    return current.email, "held" if current.awaits_confirmation else "waiting"


def undeliverable(files):
    """Ids of those among `files` whose address the mail server refused for good."""
    awaited = {file.id: file.email for file in files if file.awaits_confirmation}
    refused = Mail.select(Mail.procuration, Mail.recipient).where(
        Mail.procuration.in_(list(awaited)), Mail.name == MAIL, Mail.state == "dead") if awaited else ()
    return {mail.procuration_id for mail in refused if mail.recipient == awaited[mail.procuration_id]}


# --- The link -------------------------------------------------------------------------------------------------------

def opened(token):
    """The file a link was made for, confirmed already or not. Raises AddressLinkDead."""
    link = SingleUse.get_or_none(SingleUse.hash == digest(token), SingleUse.kind == KIND)
    file = link and Procuration.get_or_none(Procuration.id == int(link.subject))
    if not file or (file.awaits_confirmation and link.expires_at <= now()):
        raise AddressLinkDead()
    return file


def confirm(token):
    """Confirm the address a link was sent to, and let the mails go; a second time changes nothing. Returns the file.
    Raises AddressLinkDead."""
    file = opened(token)
    with suppress(LinkDead), transaction():     # the second of two clicks
        spend(token, KIND)
        _let_go(file)
        journal.record(file.voter, "confirmer_adresse", "procuration", file.id)
    for other in _same_address(file):           # one row at a time: an officer's act may hold another
        with transaction():
            _let_go(other)
    file = opened(token)
    if file.awaits_confirmation:
        raise AddressLinkDead()
    return file


def _same_address(file):
    return Procuration.select().where(Procuration.voter == file.voter_id, Procuration.email == file.email,
                                      Procuration.email_confirmed_at.is_null())


def _let_go(file):
    """Confirmed: what was held leaves now. A link still on its way must not keep it back."""
    if (Procuration.update(email_confirmed_at=now())
            .where(Procuration.id == file.id, Procuration.email == file.email,
                   Procuration.email_confirmed_at.is_null()).execute()):
        Mail.delete().where(*_links_waiting(file)).execute()
        Mail.update(state="waiting", next_at=now()).where(Mail.procuration == file, Mail.state == "held").execute()


def _links_waiting(file):
    return Mail.procuration == file, Mail.name == MAIL, Mail.state == "waiting"


# --- The voter's choices --------------------------------------------------------------------------------------------

def send_again(procuration, voter):
    """Another link to the same address. Raises AddressConfirmed, LinkJustSent, TooManyLinks."""
    with transaction():
        current = _current(procuration)
        if not current.awaits_confirmation:
            raise AddressConfirmed()
        _refuse_too_many(current, PAUSE)
        _send_instead(current)
        journal.record(voter, "renvoyer_lien", "procuration", current.id)


def correct(procuration, email, voter):
    """Another address for a file, `email` being sound. Links to the former one die; a known one needs none.
    Raises NothingMoreToTell, TooManyLinks."""
    with transaction():
        current = _current(procuration)
        if not is_told_of(current):
            raise NothingMoreToTell()
        SingleUse.delete().where(SingleUse.kind == KIND, SingleUse.subject == str(current.id)).execute()
        if current.email_confirmed_at:
            _tell_former(current)
        _change(current, email)
        if is_known(email, voter):
            _let_go(current)
        else:
            _refuse_too_many(current)
            _send_instead(current)
        journal.record(voter, "corriger_adresse", "procuration", current.id)


def is_told_of(procuration):
    """May a mail about the file still follow?"""
    return (procuration.status in TOLD_OF
            and scrutins.today(procuration.commune) <= procuration.valid_until)


def _current(procuration):
    """The file as it is now; nobody else sends it a link before the transaction ends."""
    hold(f"address|{procuration.id}")
    return Procuration.get_by_id(procuration.id)


def _tell_former(current):
    Mail.create(key=f"{MOVED}:{current.id}:{secrets.token_hex(8)}:former", procuration=current, name=MOVED,
                recipient=current.email, context={})


def _change(current, email):
    """What has not left goes there, what the former one's server refused included; for now it is held."""
    Procuration.update(email=email, email_confirmed_at=None).where(Procuration.id == current.id).execute()
    current.email, current.email_confirmed_at = email, None
    (Mail.update(recipient=email, state="held", tries=0, error=None)
     .where(Mail.procuration == current, Mail.state.in_(("held", "waiting", "dead")), Mail.key.endswith(":mandant"),
            Mail.name != MAIL, Mail.context.is_null(False)).execute())


def _send_instead(current):
    """A link that has not left yet, perhaps for hours, would keep the new one back."""
    Mail.delete().where(*_links_waiting(current)).execute()
    send_link(current)


def _refuse_too_many(current, pause=None):
    sent = (Mail.select().where(Mail.procuration == current, Mail.name == MAIL, Mail.created_at > now() - DAY))
    if pause and sent.where(Mail.created_at > now() - pause).exists():
        raise LinkJustSent()
    if sent.count() >= MOST_A_DAY:
        raise TooManyLinks(most=MOST_A_DAY)
