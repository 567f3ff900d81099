"""Accounts that nobody used for six months are closed at night; whoever manages accounts opens them again."""
from dateutil.relativedelta import relativedelta

from models import Agent, SingleUse, now
from portal import accounts, jobs
from portal.database import free_rows
from portal.procedure import CLOCK

UNUSED = relativedelta(months=6)
BATCH = 500


def _unused():
    """Two ranges of one index: accounts that were never opened count from their creation. Who was just invited may
    still come."""
    since = now() - UNUSED
    invited = SingleUse.select(SingleUse.subject).where(SingleUse.kind == accounts.INVITATION,
                                                        SingleUse.expires_at > now())
    open_ones = Agent.select(Agent.id).where(Agent.suspended_at.is_null())
    return (open_ones.where(Agent.seen_at < since),
            open_ones.where(Agent.seen_at.is_null(), Agent.created_at < since,
                            Agent.id.cast("text").not_in(invited)))


def close_some(job):
    """A step of the work CLOSE. Returns how many accounts."""
    ids = [agent.id for unused in _unused() for agent in free_rows(unused.limit(BATCH))]
    if ids:
        accounts.suspend_all(CLOCK, ids)
    return len(ids)


CLOSE = jobs.Work(close_some, jobs.at_night)
