"""The first manager of a commune, where the ministry's file named none: the mairie is invited at its official address,
and names whoever manages the accounts there. The account is opened once that person's own address is proven, by a link
of its own; the mairie is told.

One row of MairieLink a commune says how far that is. The mairie may name somebody else until the account is open: the
link of the one named before opens nothing then.
"""
import datetime
import secrets

from peewee import Case

from models import Agent, Commune, Mail, MairieLink, Role, now
from portal import accounts, jobs, journal, scrutins
from portal.database import hold, transaction
from portal.errors import LinkDead, Refused
from portal.procedure import CLOCK
from portal.single_use import digest, token_of

KIND, OWN = "mairie", "gestionnaire"                # purposes of the two links
INVITED, PROVE, KNOWN, OPENED = "mairie_invitee", "confirmer_compte", "compte_connu", "compte_ouvert"   # mails
LIFE = datetime.timedelta(days=7)                   # of the mairie's link
LIFE_OF_OWN = datetime.timedelta(hours=48)
KEPT = datetime.timedelta(days=60)                  # the day of an invitation, for the ministry's list
BATCH = 500


class MairieWithoutAddress(Refused):
    """The ministry does not know where to write to."""


class ManagerThere(Refused):
    """Somebody manages the accounts of the commune already; `name`."""

    status = 409


class MairieLinkDead(LinkDead):
    """The link of a mairie, or of whom it named, is unknown, used, replaced or too old, or somebody else came to manage
    the accounts there meanwhile."""


# --- The ministry ---------------------------------------------------------------------------------------------------

def managers(commune):
    """Whoever may manage the accounts of `commune` today, who was there last first."""
    day = scrutins.today(commune)
    until = Agent.delegated_until.is_null() | (Agent.delegated_until >= day)
    return list(Agent.select().where(Agent.commune == commune, Agent.role == Role.MANAGER, Agent.suspended_at.is_null(),
                                     until).order_by(Agent.seen_at.desc(), Agent.id))


def note_addresses(emails):
    """The addresses of mairies, {code: address}. A link under way went to the one before: it dies."""
    Commune.update(email=Case(Commune.code, list(emails.items()))).where(Commune.code.in_(list(emails))).execute()
    withdraw(*emails)


def withdraw(*codes):
    MairieLink.update(hash=None, own_hash=None, asked=None).where(MairieLink.commune.in_(codes)).execute()


def invite(actor, commune, *, anyway=False):
    """Invite the mairie of `commune`; links sent before die. Raises MairieWithoutAddress, and ManagerThere unless
    `anyway`."""
    there = managers(commune)
    if not commune.email:
        raise MairieWithoutAddress()
    if there and not anyway:
        raise ManagerThere(name=there[0].name)
    draw = secrets.token_urlsafe(32)
    fresh = {"hash": digest(token_of(draw, KIND)), "invited_at": now(), "asked": None, "own_hash": None,
             "asked_at": None}
    with transaction():
        (MairieLink.insert(commune=commune, **fresh)
         .on_conflict(conflict_target=(MairieLink.commune,), update=fresh).execute())
        _tell(INVITED, commune.email, draw, "mairie", commune, draw=draw)
        journal.record(actor, "inviter_mairie", "commune", commune.code)


def invited(codes):
    """{code: when its mairie was invited last}."""
    rows = MairieLink.select(MairieLink.commune, MairieLink.invited_at).where(MairieLink.commune.in_(codes))
    return {row.commune_id: row.invited_at for row in rows}


def _tell(mail, recipient, once, whom, commune, **facts):
    """`once` makes its key."""
    Mail.create(key=f"{mail}:{commune.code}:{once[:22]}:{whom}", name=mail, recipient=recipient,
                context={"commune": commune.label, **facts})


# --- The mairie -----------------------------------------------------------------------------------------------------

def opened(token):
    """The MairieLink of a mairie's link, with its commune. Raises MairieLinkDead."""
    link = (MairieLink.select(MairieLink, Commune).join(Commune)
            .where(MairieLink.hash == digest(token), MairieLink.invited_at > now() - LIFE).get_or_none())
    return _still_wanted(link)


def _still_wanted(link):
    """Many people read a mairie's mail: what it was sent opens nothing beside a manager who came since, by another way.
    """
    if not link or any(manager.created_at > link.invited_at for manager in managers(link.commune)):
        raise MairieLinkDead()
    return link


def name(token, asked):
    """The mairie names its manager: `asked` are columns of an Agent, `email` among them, days as ISO text. A link goes
    to that address, or, where it has an account already, a mail that says so. Raises MairieLinkDead."""
    draw = secrets.token_urlsafe(32)
    with transaction():
        link = opened(token)
        hold(f"mairie {link.commune_id}")
        taken = Agent.select().where(Agent.email == asked["email"]).exists()
        done = MairieLink.update(asked=asked, asked_at=now(),
                                 own_hash=None if taken else digest(token_of(draw, OWN))
                                 ).where(MairieLink.hash == digest(token)).execute()
        if not done:
            raise MairieLinkDead()
        _tell(KNOWN if taken else PROVE, asked["email"], draw, "agent", link.commune,
              **{} if taken else {"draw": draw, "name": _name_of(asked)})


def _name_of(asked):
    return f"{asked['first_name']} {asked['last_name']}"


# --- The manager ----------------------------------------------------------------------------------------------------

def proven(token):
    """The MairieLink whose own link this is. Raises MairieLinkDead."""
    link = (MairieLink.select(MairieLink, Commune).join(Commune)
            .where(MairieLink.own_hash == digest(token), MairieLink.asked_at > now() - LIFE_OF_OWN).get_or_none())
    return _still_wanted(link)


def open_account(token):
    """Open the account that the mairie asked for; both links are spent, and the mairie is told. Returns the token by
    which its owner chooses a password. Raises MairieLinkDead, accounts.AddressTaken."""
    with transaction():
        link = proven(token)
        spent = (MairieLink.update(hash=None, own_hash=None, asked=None)
                 .where(MairieLink.own_hash == digest(token)).execute())
        if not spent:
            raise MairieLinkDead()
        agent, invitation = accounts.create(CLOCK, role=Role.MANAGER, commune=link.commune, **link.asked)
        if link.commune.email:
            _tell(OPENED, link.commune.email, str(agent.id) + secrets.token_hex(8), "mairie", link.commune,
                  name=agent.name, quality=agent.quality)
        return invitation


# --- Erasing --------------------------------------------------------------------------------------------------------

def _forget(job):
    """A step of the work: who was named and did not follow is forgotten, then the invitation itself."""
    stale = (MairieLink.invited_at < now() - LIFE) & MairieLink.asked.is_null(False)
    forgotten = MairieLink.update(hash=None, own_hash=None, asked=None).where(stale).execute()
    old = MairieLink.select(MairieLink.commune).where(MairieLink.invited_at < now() - KEPT).limit(BATCH)
    return forgotten + MairieLink.delete().where(MairieLink.commune.in_(old)).execute()


WORKS = {"invitations": jobs.Work(_forget, again=jobs.at_night)}
