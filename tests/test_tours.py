"""A tour that is added, moved or not held somewhere: the files that count on it follow, batch after batch."""
import datetime

import pytest

from models import Couverture, Mail, Procuration, Status, Tour, TourDay
from portal import clock, jobs, scrutins, tours
from tests.factories import a_commune, a_period, a_procuration, a_scrutin, fresh

WEEK = datetime.timedelta(days=7)


def moved(tour, day):
    Tour.update(day=day).where(Tour.id == tour.id).execute()
    follow(tour)


def follow(tour):
    jobs.later("couvrir", tour.id)
    while clock.run(name="couvrir"):
        pass


def told(file):
    return [mail.context for mail in Mail.select().where(Mail.procuration == file, Mail.name == "tour_deplace")]


def test_a_tour_that_is_added_is_covered_by_every_live_period(db):
    scrutin = a_scrutin(in_days=30, two_tours=False)
    until = scrutin.tours.first().day + WEEK
    files = [a_procuration(status, demande=a_period(until, scrutin=scrutin))
             for status in (Status.DEPOSEE, Status.ETABLIE, Status.VALIDEE, Status.RESILIEE)]
    second = Tour.create(scrutin=scrutin, number=2, day=until)
    follow(second)
    covering = [row.procuration_id for row in Couverture.select().where(Couverture.tour == second)]
    assert covering == [files[1].id, files[2].id]
    assert [fresh(file).attention for file in files] == [None, "tour_change", "tour_change", None]


def test_a_tour_after_the_end_of_a_period_is_not_covered(db):
    scrutin = a_scrutin(two_tours=False)
    file = a_procuration(Status.ETABLIE, demande=a_period(scrutin.tours.first().day, scrutin=scrutin))
    second = Tour.create(scrutin=scrutin, number=2, day=scrutin.tours.first().day + WEEK)
    follow(second)
    assert file.couvertures.count() == 1


@pytest.mark.parametrize("status", [Status.DEPOSEE, Status.ETABLIE, Status.VALIDEE])
def test_the_last_day_of_a_file_follows_its_tour_and_the_mandant_is_told(db, status):
    file = a_procuration(status)
    last = file.scrutin.tours.order_by(Tour.number.desc()).first()
    moved(last, last.day + WEEK)
    assert fresh(file).valid_until == last.day + WEEK
    assert [(facts["before"], facts["after"]) for facts in told(file)] == [
        (last.day.isoformat(), (last.day + WEEK).isoformat())]


def test_the_day_to_present_a_request_by_follows_its_tour(db):
    file = a_procuration(scrutin=a_scrutin(in_days=10, two_tours=False))
    tour = file.scrutin.tours.first()
    moved(tour, tour.day - datetime.timedelta(days=3))
    assert fresh(file).lapses_at == scrutins.end_of(tour.day - datetime.timedelta(days=3), file.commune)


def test_nobody_is_told_twice_and_what_ended_is_told_nothing(db):
    live, ended = a_procuration(Status.ETABLIE), a_procuration(Status.RESILIEE)
    Tour.update(scrutin=Tour.scrutin)  # nothing moves
    for file in (live, ended):
        tour = file.scrutin.tours.order_by(Tour.number).first()
        moved(tour, tour.day - datetime.timedelta(days=1))
        follow(tour)
    assert (len(told(live)), told(ended)) == (1, [])


def test_a_tour_not_held_in_a_territory_gives_its_places_back_there_only(db):
    scrutin = a_scrutin()
    here = a_procuration(Status.ETABLIE, scrutin=scrutin)
    there = a_procuration(Status.ETABLIE, scrutin=scrutin, commune=a_commune("97209"))
    second = scrutin.tours.where(Tour.number == 2).get()
    TourDay.create(tour=second, territory="972", day=None)
    follow(second)
    assert (here.couvertures.count(), there.couvertures.count()) == (2, 1)
    assert fresh(there).attention == "tour_change" and fresh(here).attention is None
    assert told(there)[0]["after"] is None and told(here) == []
    assert fresh(there).valid_until >= scrutin.tours.where(Tour.number == 1).get().day


def test_a_job_stopped_in_the_middle_is_taken_up_where_it_was(db, monkeypatch):
    monkeypatch.setattr(tours, "BATCH", 2)
    scrutin = a_scrutin()
    files = [a_procuration(scrutin=scrutin) for _ in range(5)]
    tour = scrutin.tours.order_by(Tour.number).first()
    Tour.update(day=tour.day - datetime.timedelta(days=1)).where(Tour.id == tour.id).execute()
    jobs.later("couvrir", tour.id)
    clock.run(lambda: True, "couvrir")
    assert [len(told(file)) for file in files] == [1, 1, 0, 0, 0]
    while clock.run(name="couvrir"):
        pass
    assert [len(told(file)) for file in files] == [1] * 5
    assert jobs.of("couvrir", tour.id).done == 5
    assert not Procuration.select().where(Procuration.attention.is_null(False))
