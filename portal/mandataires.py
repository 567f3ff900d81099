"""The mandataire, where the mandant gave an address: one fixed mail a file, a way to say no, one to hear nothing more.

The mail leaves once the officer can no longer undo the act; what ends the file before that takes it back. Nothing else
is ever written to that person: the mandant tells them the rest. Its link opens a page without a log-in, and opening
changes nothing. Whether an address wants no mail is told to nobody: who gave it sees the same either way.
"""
import secrets

from peewee import fn

from models import LIVE, Commune, Mail, OptOut, Personne, Procuration, SingleUse, now
from portal import journal, mail, scrutins, sealed
from portal.database import transaction
from portal.errors import Refused
from portal.single_use import digest, token_of

MAIL = "mandataire_choisi"
DECLINED = "mandataire_decline"             # the mail to the mandant, and what the town hall should look at
KIND = "mandataire"                         # of the links
TOLD = ("mandant", "mandataire", "commune", "tours", "period", "valid_until")   # nothing more of the file leaves
ENDINGS = ("defaire", "invalider", "annuler", "resilier")


class MandataireLinkDead(Refused):
    """The link is unknown, or the last day covered is over."""

    status = 404


class _Mandataire:
    """Who holds the link: nobody the portal knows."""

    id = None
    role = "mandataire"


# --- The one mail ---------------------------------------------------------------------------------------------------

def notify(procuration, leaves_at):
    """Queue the mail for the instant `leaves_at`, in the transaction that establishes: once a file, if an address was
    given and wants it, and unless the checks ended the file at once."""
    address, key = procuration.mandataire.email, _key(procuration)
    if (not address or procuration.status not in LIVE or wants_no_mail(address)
            or Mail.select().where(Mail.key == key).exists()):
        return
    draw = secrets.token_urlsafe(32)
    SingleUse.create(hash=digest(token_of(draw, KIND)), kind=KIND, subject=str(procuration.id),
                     expires_at=scrutins.end_of(procuration.valid_until, procuration.commune))
    Mail.create(key=key, procuration=procuration, name=MAIL, recipient=address, next_at=leaves_at,
                context={**_told(procuration), "station": _station(procuration), "draw": draw})


def withdraw(procuration):
    """Take the mail back if it has not left: the act it tells of is no more."""
    if (procuration.mandataire.email
            and Mail.delete().where(Mail.key == _key(procuration), Mail.state == "waiting").execute()):
        SingleUse.delete().where(SingleUse.kind == KIND, SingleUse.subject == str(procuration.id)).execute()


def _key(procuration):
    return f"{MAIL}:{procuration.id}:mandataire"


def _station(procuration):
    """As the checks have just found it on the roll, None where they did not."""
    return Personne.get(Personne.procuration == procuration, Personne.role == "mandant").station


def _told(procuration):
    facts = mail.preview(procuration, "etablir")
    return {name: facts[name] for name in TOLD}


# --- The link -------------------------------------------------------------------------------------------------------

def opened(token):
    """The file a link was made for, with its commune. Raises MandataireLinkDead."""
    link = SingleUse.get_or_none(SingleUse.hash == digest(token), SingleUse.kind == KIND, SingleUse.expires_at > now())
    file = link and (Procuration.select(Procuration, Commune).join(Commune)
                     .where(Procuration.id == int(link.subject)).get_or_none())
    return file or _dead()


def _dead():
    raise MandataireLinkDead()


def decline(token):
    """The mandataire will not vote: the mandant is told and decides; nothing changes in law. Once a file, while it is
    alive. Raises MandataireLinkDead."""
    file = opened(token)
    with transaction():
        if (Procuration.update(declined_at=now(), attention=fn.COALESCE(Procuration.attention, DECLINED))
                .where(Procuration.id == file.id, Procuration.declined_at.is_null(), Procuration.status.in_(LIVE))
                .execute()):
            journal.record(_Mandataire, "decliner", "procuration", file.id)
            mail.queue(file, f"{DECLINED}:{file.id}:mandant", DECLINED, _told(file))


def opt_out(token):
    """No mail to this address any more, whoever names it. Raises MandataireLinkDead."""
    file = opened(token)
    address = file.mandataire.email
    with transaction():
        if OptOut.insert(hash=_mark(address)).on_conflict_ignore().as_rowcount().execute():
            journal.record(_Mandataire, "ne_plus_ecrire", "procuration", file.id)
        Mail.delete().where(Mail.state == "waiting", Mail.name == MAIL,
                            fn.LOWER(Mail.recipient) == address.lower()).execute()


def wants_no_mail(address):
    return OptOut.select().where(OptOut.hash == _mark(address)).exists()


def _mark(address):
    """Of an address, under a key the database does not hold: the table gives none away."""
    return sealed.derived("opt-out", address.lower())
