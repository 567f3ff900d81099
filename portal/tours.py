"""What a tour that is added, moved or not held somewhere changes: the files that name it, the periods that contain it.

The work "couvrir" about a tour goes through them batch after batch, see `portal.jobs`; a change made meanwhile begins
it anew. The mandant of a file that names the tour is told the new day; the commune of an act that stands looks again.
"""
from peewee import prefetch

from models import LIVE, Commune, Couverture, Personne, Procuration, Scrutin, Status, Tour, TourDay, TourVise, now
from portal import law, mail, places, scrutins, verdicts
from portal.errors import Refused
from portal.jobs import Work

BATCH = 50      # files: their keys are held together for a moment


class TourInThePast(Refused):
    """Files count on the tour: it is not moved to a day that is over."""

    status = 409


def check_ahead(row):
    """Raise TourInThePast for a tour, or its day in a territory, that was moved behind those who count on it."""
    tour = row.tour_id if isinstance(row, TourDay) else row.id
    if row.day and row.day < now().date() and any(of.select().where(of.tour == tour).exists()
                                                  for of in (TourVise, Couverture)):
        raise TourInThePast()


# --- The work -------------------------------------------------------------------------------------------------------

def follow(job):
    """A batch of the files that name the tour `job.subject`, then of the live periods."""
    found = Tour.select(Tour, Scrutin).join(Scrutin).where(Tour.id == int(job.subject))
    tour = next(iter(prefetch(found, TourDay.select())), None)
    if tour is None:
        return 0
    kind, _, last = (job.cursor or "named:0").partition(":")
    files = _next(kind, tour, int(last))
    if not files and kind == "named":
        kind, files = "period", _next("period", tour, 0)
    _hold(files)
    for file in files:
        FOLLOWS[kind](file, tour)
    job.cursor = f"{kind}:{files[-1].id}" if files else ""
    return len(files)


def _next(kind, tour, last):
    if kind == "named":
        ids = (TourVise.select(TourVise.procuration).where(TourVise.tour == tour, TourVise.procuration > last)
               .order_by(TourVise.procuration).limit(BATCH))
        wanted = Procuration.id.in_([row.procuration_id for row in ids])
    else:
        wanted = Procuration.scrutin.is_null() & (Procuration.id > last)
    files = Procuration.select(Procuration, Commune).join(Commune).where(wanted)
    return prefetch(files.order_by(Procuration.id).limit(BATCH), Personne.select())


def _hold(files):
    """At once and in one order: nobody waits in a circle. Read again, for who held them may have moved them."""
    places.hold(*files)
    for file in files:
        current = Procuration.get_by_id(file.id)
        file.status, file.version = current.status, current.version


def _follow_named(file, tour):
    """The file names the tour: its days, its coverage, and a word to the mandant when the day is another."""
    if file.status not in (Status.DEPOSEE, *LIVE):
        return
    named, day = TourVise.get(TourVise.procuration == file, TourVise.tour == tour), scrutins.day_of(tour, file.commune)
    if named.day == day:
        return
    TourVise.update(day=day).where(TourVise.procuration == file, TourVise.tour == tour).execute()
    _move_end(file)
    _cover(file, tour, day is not None)
    verdicts.again(file.id)
    mail.announce_tour(file, tour, named.day, day)


def _move_end(file):
    """The last day covered follows, and with it the day by which a request must be presented."""
    days = [scrutins.day_shown(named.tour, file.commune) for named in file.tours_vises]
    columns = {"valid_until": max(days)}
    if file.status == Status.DEPOSEE:
        columns["lapses_at"] = min(file.filed_at + law.life_of_a_request(),
                                   scrutins.end_of(max(days), file.commune))
    Procuration.update(**columns).where(Procuration.id == file.id).execute()
    file.__data__.update(columns)


def _follow_period(file, tour):
    """The file covers all tours of its period: this one too, or no more."""
    if file.status in LIVE:
        _cover(file, tour, bool(scrutins.voted_in([tour], file.commune, _first_day(file), file.valid_until)))


def _first_day(file):
    return scrutins.local_day(file.established_at, file.commune)


def _cover(file, tour, wanted):
    """Cover the tour, or give its place back; the commune is to look at the act again."""
    if file.status not in LIVE or wanted == places.covers(file, tour):
        return
    places.take(file, [tour]) if wanted else places.release(file, [tour])
    verdicts.again(file.id)
    (Procuration.update(attention="tour_change")
     .where(Procuration.id == file.id, Procuration.attention.is_null()).execute())


FOLLOWS = {"named": _follow_named, "period": _follow_period}
WORK = Work(follow)
