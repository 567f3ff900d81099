"""Accounts that nobody used for six months are closed, and opened again by hand."""
import datetime

import pytest
import time_machine

from models import Agent, Event, Role, now
from portal import accounts, clock, idle, jobs
from portal.errors import LinkDead
from portal.procedure import CLOCK
from tests.factories import an_agent, an_officer

SEVEN_MONTHS = datetime.timedelta(days=214)


def closed():
    return {agent.id for agent in Agent.select().where(Agent.suspended_at.is_null(False))}


def test_accounts_unused_for_six_months_are_suspended_once_and_in_batches(db, monkeypatch):
    monkeypatch.setattr(idle, "BATCH", 2)
    long_ago = now() - SEVEN_MONTHS
    unused = {an_officer(seen_at=long_ago).id, an_agent(Role.MANAGER, seen_at=long_ago).id,
              an_officer(created_at=long_ago).id}
    an_officer(seen_at=now(), created_at=long_ago)
    accounts.invite(an_officer(created_at=long_ago))
    an_officer()
    assert jobs.through(idle.CLOSE) == 3 and closed() == unused
    assert jobs.through(idle.CLOSE) == 0 and "desactiver" in clock.WORKS
    events = Event.select().where(Event.act == "suspendre", Event.role == "clock")
    numbers = " ".join(event.subjects for event in events)
    assert set(map(int, numbers.split())) == unused


def test_an_account_that_was_opened_again_stays_open(db):
    agent = an_officer(seen_at=now() - SEVEN_MONTHS)
    link = accounts.invite(agent)
    jobs.through(idle.CLOSE)
    accounts.reactivate(CLOCK, agent)
    with pytest.raises(LinkDead):
        accounts.invited(link)
    assert jobs.through(idle.CLOSE) == 0 and closed() == set()
    with time_machine.travel(now() + SEVEN_MONTHS, tick=False):
        assert jobs.through(idle.CLOSE) == 1
