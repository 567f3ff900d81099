"""A request whose author FranceConnect now calls otherwise: `sub` changes with the civil status, and the file stays
with the former account.

It follows the person when three things agree: its reference; the birth data of today's identity, where date and place
are the same and at most one of birth name, first names and sex has changed; and a link, which only the file's confirmed
address receives and only the account that asked can use. The reference alone is no credential, people are born the same
day in the same town, and FranceConnect does not check the address it gives: none of the three is enough. Whoever asks
reads the same answer, found or not.
"""
import datetime
import secrets

from models import Commune, Mail, Procuration, SingleUse, now
from portal import journal, references
from portal.database import hold, transaction
from portal.errors import LinkDead, Refused
from portal.names import fold
from portal.single_use import digest, spend, token_of

MAIL = KIND = "retrouver"
LIFE = datetime.timedelta(hours=1)
MOST_A_DAY = 5                              # searches of an account
DAY = datetime.timedelta(days=1)


class TooManySearches(Refused):
    """The account has searched `most` times in 24 hours."""

    status = 429


class RetrouverLinkDead(Refused):
    """The link is unknown, used, more than an hour old, or of another account."""

    status = 404


# --- The search -----------------------------------------------------------------------------------------------------

def search(typed, voter):
    """Send a link to the address of the file whose reference was `typed`, if it is this person's. Returns nothing,
    found or not. Raises TooManySearches."""
    _count(voter)
    code = references.read(typed)
    reference = code and references.find(code)
    with transaction():
        journal.record(voter, "retrouver", "procuration", *([reference.procuration_id] if reference else []))
        if reference and is_theirs(reference.procuration, voter):
            _send_link(reference.procuration, voter)


def _count(voter):
    """In a transaction of its own: nothing that follows takes a try back."""
    subject = f"search {voter.id}"
    with transaction():
        hold(subject)
        if SingleUse.select().where(SingleUse.subject == subject, SingleUse.expires_at > now()).count() >= MOST_A_DAY:
            raise TooManySearches(most=MOST_A_DAY)
        SingleUse.create(hash=digest(secrets.token_urlsafe(32)), kind=KIND, subject=subject, expires_at=now() + DAY)


def is_theirs(file, voter):
    """Is the file of another account of the same person, and can its address be asked?"""
    former = file.voter
    if former is None or former.id == voter.id or not file.email or file.awaits_confirmation:
        return False
    born = all(getattr(former, name) == getattr(voter, name) for name in ("birth_date", "birth_place", "birth_country"))
    changed = [name for name in ("birth_name", "first_names", "sex")
               if fold(getattr(former, name)) != fold(getattr(voter, name))]
    return born and len(changed) <= 1


def _send_link(file, voter):
    draw = secrets.token_urlsafe(32)
    SingleUse.create(hash=digest(token_of(draw, KIND)), kind=KIND, subject=f"{file.id} {voter.id}",
                     expires_at=now() + LIFE)
    Mail.create(key=f"{MAIL}:{file.id}:{draw[:22]}:account", procuration=file, name=MAIL, recipient=file.email,
                context={"draw": draw})


# --- The link -------------------------------------------------------------------------------------------------------

def opened(token, voter):
    """The file that `voter` may take with this link, with its commune. Raises RetrouverLinkDead."""
    link = SingleUse.get_or_none(SingleUse.hash == digest(token), SingleUse.kind == KIND,
                                 SingleUse.used_at.is_null(), SingleUse.expires_at > now())
    return _file_of(link, voter)


def attach(token, voter):
    """The file goes to the account of `voter`; nothing else of it changes. Raises RetrouverLinkDead."""
    with transaction():
        try:
            file = _file_of(spend(token, KIND), voter)
        except LinkDead as dead:
            raise RetrouverLinkDead() from dead
        if not Procuration.update(voter=voter).where(Procuration.id == file.id,
                                                     Procuration.voter == file.voter_id).execute():
            raise RetrouverLinkDead()
        journal.record(voter, "rattacher", "procuration", file.id)
        return file


def _file_of(link, voter):
    number, _, owner = link.subject.partition(" ") if link else ("", "", "")
    file = owner == str(voter.id) and (Procuration.select(Procuration, Commune).join(Commune)
                                       .where(Procuration.id == int(number)).get_or_none())
    if not file or not is_theirs(file, voter):
        raise RetrouverLinkDead()
    return file
