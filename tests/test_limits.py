"""How often something may be asked: counted together by all workers, by the address that asks."""
from dataclasses import replace

import pytest

from app import create_app
from models import Hit
from portal import limits
from portal.limits import Limit, TooOften

THREE = Limit("three", 3, 60)


def test_a_limit_lets_so_many_through_and_says_when_to_come_again(db):
    assert [stands.times for _ in range(3) for stands in limits.count((THREE, "a"))] == [1, 2, 3]
    with pytest.raises(TooOften) as refused:
        limits.spend((THREE, "a"), (THREE, "b"))
    assert 0 < refused.value.retry_after <= 60
    limits.spend((THREE, "b"))


def test_what_is_counted_names_nobody(db):
    limits.spend((THREE, "claire@exemple.fr"))
    assert "claire" not in Hit.get().key


def test_one_address_may_ask_so_often_a_minute(settings):
    client = create_app(replace(settings, shared_networks="", requests_per_minute=5)).test_client()
    answers = [client.get("/aide") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert client.get("/sante").status_code == 200
