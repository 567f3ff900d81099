"""The calendar and the rules as the ministry types them: days of territories, the law's three sets."""
import datetime

import pytest

from models import Job, Role, Rules, Tour, TourDay, now
from portal import law, scrutins
from tests.factories import a_commune, a_procuration, a_scrutin, an_agent
from tests.test_back_office import Desk

DAY = datetime.timedelta(days=1)


@pytest.fixture
def ministry(app):
    for code in ("69123", "97209", "98818"):
        a_commune(code)
    return Desk(app, an_agent(Role.MINISTRY))


def test_a_territory_gets_a_day_of_its_own_from_the_page_of_the_tour(ministry):
    tour = a_scrutin().tours.order_by(Tour.number).first()
    ministry.opens(f"/admin/tours/details/?id={tour.id}")
    assert "Aucun : on vote partout" in ministry.said
    ministry.follows("Ajouter un jour local").presses("Enregistrer", territory="972", day=(tour.day - DAY).isoformat())
    assert scrutins.day_of(Tour.get_by_id(tour.id), a_commune("97209")) == tour.day - DAY
    assert [job.subject for job in Job.select().where(Job.name == "couvrir", Job.due_at <= now())] == [str(tour.id)]
    assert "Département 972" in ministry.opens(f"/admin/tours/details/?id={tour.id}").said


def test_an_empty_day_says_that_nobody_votes_there(ministry):
    tour = a_scrutin().tours.order_by(Tour.number).first()
    ministry.opens(f"/admin/jours/new/?tour={tour.id}").presses("Enregistrer", territory="988", day="")
    assert scrutins.day_of(Tour.get_by_id(tour.id), a_commune("98818")) is None
    assert "Pas de vote" in ministry.opens("/admin/jours/").said


@pytest.mark.parametrize("number, days", [(1, 7), (1, 8), (2, 0), (2, -1)])
def test_the_second_tour_comes_after_the_first_in_each_territory(ministry, number, days):
    first, second = a_scrutin().tours.order_by(Tour.number)
    tour = first if number == 1 else second
    ministry.opens(f"/admin/jours/new/?tour={tour.id}")
    ministry.presses("Enregistrer", territory="972", day=(first.day + days * DAY).isoformat())
    assert ministry.page.status_code == 422 and "Le 2d tour a lieu après le 1er" in ministry.said
    assert not TourDay.select().exists()


@pytest.mark.parametrize("fields", [{"territory": "99"}, {"territory": ""}, {"day": "31/02"}, {"tour": "999999"},
                                    {"tour": "x"}])
def test_a_bad_local_day_is_refused(ministry, fields):
    tour = a_scrutin().tours.first()
    ministry.opens("/admin/jours/new/")
    ministry.presses("Enregistrer", **{"tour": tour.id, "territory": "972", "day": tour.day.isoformat(), **fields})
    assert ministry.page.status_code == 422 and not TourDay.select().exists()


def test_a_territory_has_one_day_a_tour(ministry):
    tour = a_scrutin().tours.first()
    for status in (200, 422):
        ministry.opens(f"/admin/jours/new/?tour={tour.id}")
        ministry.presses("Enregistrer", territory="972", day=tour.day.isoformat())
        assert ministry.page.status_code == status
    assert TourDay.select().count() == 1 and "existent déjà" in ministry.said


def test_a_tour_that_files_count_on_is_not_moved_into_the_past(ministry):
    tour = a_procuration("etablie").scrutin.tours.order_by(Tour.number).first()
    ministry.opens(f"/admin/tours/edit/?id={tour.id}")
    ministry.presses("Enregistrer", day=(now().date() - DAY).isoformat())
    assert ministry.page.status_code == 422 and "déjà passé" in ministry.said
    assert Tour.get_by_id(tour.id).day == tour.day and not Job.select().where(Job.name == "couvrir").exists()


@pytest.mark.parametrize("name", law.RULE_SETS)
def test_a_set_of_the_law_is_proposed_and_typed_in_as_it_is(ministry, name):
    ministry.opens(f"/admin/regles/new/?modele={name}").presses("Enregistrer", territory="988")
    rules = Rules.get()
    assert {column: getattr(rules, column) for column in law.RULE_SETS[name]} == law.RULE_SETS[name]


def test_an_unknown_set_proposes_the_law_of_today(ministry):
    assert ministry.opens("/admin/regles/new/?modele=1958").page.status_code == 200
