"""The days of the vote for a calendar: whole days of the commune's own calendar, sober, the same wherever it is got."""
import datetime

import pytest
from icalendar import Calendar

from models import TourDay
from portal import mail
from portal.calendrier import calendar
from portal.settings import Settings, use
from tests.factories import a_commune, a_mandataire, a_procuration, a_scrutin, log_in
from tests.voter import Mandant

LIST = "/mes-procurations"


@pytest.fixture
def address():
    use(Settings(base_url="https://maprocuration.example", secret_key="s" * 64))


@pytest.fixture
def mandant(app, client):
    a_commune()
    return Mandant(client)


def events(content):
    return list(Calendar.from_ical(content).events)


def of(**facts):
    return events(calendar("validee", {**mail.SAMPLES["validee"], **facts}))


def test_each_tour_is_a_whole_day(address):
    first, second = of()
    assert [event.start for event in (first, second)] == [datetime.date(2026, 3, 15), datetime.date(2026, 3, 22)]
    assert first.end - first.start == datetime.timedelta(days=1)
    assert not isinstance(first.start, datetime.datetime), "a whole day has no clock, wherever the calendar is read"


def test_it_is_sober(address):
    """A calendar is shown at work: who votes for whom is nobody's business there."""
    first, second = of()
    assert [str(event["summary"]) for event in (first, second)] == ["Jour de vote : 1er tour", "Jour de vote : 2d tour"]
    told = calendar("validee", mail.SAMPLES["validee"]).decode()
    assert not any(name in told for name in ("Sacha", "Petit", "Camille", "Durand", "K7M"))
    assert str(first["class"]) == "PRIVATE" and str(first["transp"]) == "TRANSPARENT"
    for wanted in ("mandataire", "https://maprocuration.example/mes-procurations"):
        assert wanted in first["description"]


def test_the_same_day_got_twice_is_one_day(address):
    first, second = of()
    assert [event["uid"] for event in of()] == [first["uid"], second["uid"]] and first["uid"] != second["uid"]
    assert of(mandant="Somebody Else")[0]["uid"] != first["uid"]


def test_it_is_a_calendar_that_others_accept(address):
    content = calendar("validee", {**mail.SAMPLES["validee"], "commune": "Saint-Remy-en-Bouzemont, l’île ; (51)"})
    found = Calendar.from_ical(content)
    assert (found["version"], found["method"]) == ("2.0", "PUBLISH") and found["prodid"]
    assert all(len(line) <= 75 for line in content.split(b"\r\n")) and b"\n" not in content.replace(b"\r\n", b"")
    assert str(found.events[0]["location"]) == "Saint-Remy-en-Bouzemont, l’île ; (51)"


def test_a_voter_saves_the_days_on_which_a_place_is_held(mandant, client):
    scrutin, mandataire = a_scrutin(), a_mandataire()
    first, second = scrutin.tours.order_by("number")
    a_procuration("etablie", scrutin=scrutin, mandataire=mandataire, tours=[first], valid_until=first.day)
    file = a_procuration("validee", voter=mandant.row, scrutin=scrutin, mandataire=mandataire)
    answer = client.get(f"{LIST}/{file.id}/jours-de-vote.ics")
    assert answer.mimetype == "text/calendar" and answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"] == "attachment; filename=jours-de-vote.ics"
    assert [event.start for event in events(answer.data)] == [second.day]


def test_who_votes_the_day_before_is_told_the_day_before(mandant, client):
    scrutin = a_scrutin(two_tours=False)
    tour, = scrutin.tours
    TourDay.create(tour=tour, territory="972", day=tour.day - datetime.timedelta(days=1))
    file = a_procuration("validee", voter=mandant.row, scrutin=scrutin, commune=a_commune("97209"))
    event, = events(client.get(f"{LIST}/{file.id}/jours-de-vote.ics").data)
    assert event.start == tour.day - datetime.timedelta(days=1)


@pytest.mark.parametrize("status", ["deposee", "etablie"])
def test_before_the_decision_there_is_no_day_to_count_on(mandant, client, status):
    file = a_procuration(status, voter=mandant.row)
    answer = client.get(f"{LIST}/{file.id}/jours-de-vote.ics")
    assert (answer.status_code, answer.location) == (303, LIST)


def test_somebody_else_s_days_are_not_there(app, client):
    file = a_procuration("validee")
    log_in(client, voter=Mandant(client).row)
    assert client.get(f"{LIST}/{file.id}/jours-de-vote.ics").status_code == 404
