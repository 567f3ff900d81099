"""The days of the vote as a calendar file (RFC 5545): whole days of the commune's calendar, no name, no reference."""
import datetime

from icalendar import Calendar, Event

from models import now
from portal import sealed, settings
from portal.texts import filled
from portal.typography import loosen

PRODUCT = "-//Maprocuration//FR"


def calendar(name, facts):
    """The tours told by the mail `name` as the bytes of an .ics file."""
    found = Calendar()
    found.add("prodid", PRODUCT)
    found.add("version", "2.0")
    found.add("method", "PUBLISH")
    for tour in facts["tours"]:
        found.add_component(_day_of_vote(name, facts, tour))
    return found.to_ical()


def _day_of_vote(name, facts, tour):
    """Its summary is the first line of `calendrier.txt`. Free time: nobody is busy the whole day."""
    text = loosen(filled(f"mails/{name}/calendrier.txt", {**facts, "tour": tour}))
    summary, _, description = text.strip().partition("\n")
    day = datetime.date.fromisoformat(tour["day"])
    event = Event()
    for field, value in {
            "uid": _uid(facts, tour), "dtstamp": now(), "dtstart": day, "dtend": day + datetime.timedelta(days=1),
            "summary": summary, "description": description, "location": facts["commune"],
            "class": "PRIVATE", "transp": "TRANSPARENT"}.items():
        event.add(field, value)
    return event


def _uid(facts, tour):
    """The same for the mail's and the page's, so that a calendar holds the day once."""
    named = "|".join((facts["mandant"], facts["commune"], tour["scrutin"], str(tour["number"])))
    host = settings.active().base_url.partition("://")[2].strip("/")
    return f"{sealed.derived('calendar', named)[:32]}@{host}"
