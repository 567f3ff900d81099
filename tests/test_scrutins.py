"""The calendar: local days, ends of days, the most specific rules."""
import datetime

import pytest
import time_machine

from models import Rules, Status, Tour, TourDay
from portal import procedure, scrutins
from portal.errors import PollOver, TooLateToUndo
from tests.factories import a_commune, a_period, a_procuration, a_scrutin, an_officer, fresh


def test_overseas_communes_vote_on_their_own_day(db):
    tour = a_scrutin().tours.first()
    TourDay.create(tour=tour, territory="972", day=tour.day - datetime.timedelta(days=1))
    TourDay.create(tour=tour, territory="988", day=None)
    loaded = next(row for row in scrutins.upcoming() if row == tour)
    assert scrutins.day_of(loaded, a_commune("97209")) == tour.day - datetime.timedelta(days=1)
    assert scrutins.day_of(loaded, a_commune("98818")) is None
    assert scrutins.day_of(loaded, a_commune("69123")) == tour.day


@pytest.mark.parametrize("code, hour", [("69123", "22:00"), ("97209", "04:00"), ("98818", "13:00")])
def test_a_day_ends_at_local_midnight(db, code, hour):
    end = scrutins.end_of(datetime.date(2027, 6, 13), a_commune(code))
    assert end.strftime("%H:%M") == hour


def test_a_day_of_clock_change_ends_at_local_midnight(db):
    assert scrutins.end_of(datetime.date(2027, 3, 28), a_commune()).strftime("%d %H:%M") == "28 22:00"
    assert scrutins.end_of(datetime.date(2027, 3, 27), a_commune()).strftime("%d %H:%M") == "27 23:00"


def test_a_commune_is_offered_only_what_it_votes_for(db):
    here, elsewhere = a_scrutin(territory="69"), a_scrutin(territory="75056")
    offered = scrutins.voted_in(scrutins.upcoming(), a_commune("69123"), datetime.date.min, datetime.date.max)
    assert {tour.scrutin for tour in offered} == {here}
    assert elsewhere.tours.count() == 2


def test_the_most_specific_rules_win(db):
    scrutin, commune = a_scrutin(), a_commune("98818")
    assert scrutins.rules(scrutin, commune).places_france == 1
    Rules.create(territory="FR", places_france=2)
    assert scrutins.rules(scrutin, commune).places_france == 2
    Rules.create(territory="988", places_france=3)
    assert scrutins.rules(scrutin, commune).places_france == 3
    Rules.create(scrutin=scrutin, territory="FR", places_france=4)
    assert scrutins.rules(scrutin, commune).places_france == 4
    assert scrutins.rules(a_scrutin(), a_commune("69123")).places_france == 2


def test_two_months_are_calendar_months(db):
    with time_machine.travel(datetime.datetime(2026, 12, 31, 12, tzinfo=datetime.timezone.utc), tick=False):
        procuration = a_procuration(scrutin=a_scrutin(in_days=200))
    assert fresh(procuration).lapses_at.date() == datetime.date(2027, 2, 28)


def test_a_request_lapses_with_the_last_day_it_covers(db):
    procuration = a_procuration(scrutin=a_scrutin(in_days=10, two_tours=False))
    assert procuration.lapses_at == scrutins.end_of(procuration.valid_until, procuration.commune)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_procuration_can_be_established_until_the_last_second(db):
    """SQLite only: PostgreSQL dates the act by its own clock, which no test moves."""
    procuration = a_procuration(scrutin=a_scrutin(in_days=10, two_tours=False))
    end = scrutins.end_of(procuration.valid_until, procuration.commune)
    with time_machine.travel(end, tick=False), pytest.raises(PollOver):
        procedure.etablir(fresh(procuration), an_officer())
    assert fresh(procuration).status == Status.DEPOSEE
    with time_machine.travel(end - datetime.timedelta(seconds=1), tick=False):
        procedure.etablir(fresh(procuration), an_officer())
    assert fresh(procuration).status == Status.ETABLIE


def test_an_act_cannot_be_undone_after_fifteen_minutes(db):
    officer = an_officer()
    procuration = a_procuration(Status.ETABLIE, officer=officer)
    with time_machine.travel(procuration.established_at + datetime.timedelta(minutes=15, seconds=1), tick=False):
        with pytest.raises(TooLateToUndo):
            procedure.defaire(procuration, officer, "erreur_de_saisie")
    assert fresh(procuration).status == Status.ETABLIE


def test_a_request_can_name_one_tour_only(db):
    scrutin = a_scrutin()
    second = scrutin.tours.where(Tour.number == 2).get()
    procuration = a_procuration(Status.ETABLIE, scrutin=scrutin, tours=[second])
    assert [row.tour for row in procuration.couvertures] == [second]


def test_a_period_covers_the_tours_it_contains(db):
    near, far = a_scrutin(in_days=20), a_scrutin(in_days=300)
    until = near.tours.first().day + datetime.timedelta(days=30)
    procuration = a_procuration(Status.ETABLIE, demande=a_period(until, scrutin=far))
    assert {row.tour.scrutin for row in procuration.couvertures} == {near}
