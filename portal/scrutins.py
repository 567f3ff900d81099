"""The calendar: which tours a commune votes in, on what day there, until which instant, under which rules."""
import datetime
from zoneinfo import ZoneInfo

from peewee import prefetch

from models import UTC, Rules, Scrutin, Tour, TourDay, now
from portal import law

DEFAULT_RULES = Rules()  # L. 73 as it stands since 2022


def local_day(instant, commune):
    """The day it is in `commune` at `instant`."""
    return instant.astimezone(ZoneInfo(commune.zone)).date()


def today(commune):
    return local_day(now(), commune)


def begin_of(day, commune):
    """The instant at which the local `day` begins in `commune`."""
    return hour_of(day, 0, commune)


def end_of(day, commune):
    """The instant at which the local `day` is over in `commune`."""
    return begin_of(day + datetime.timedelta(days=1), commune)


def has_ended(file, instant=None):
    """Is the last day that the file covers over, on its commune's clock?"""
    return end_of(file.valid_until, file.commune) <= (instant or now())


def hour_of(day, hour, commune):
    """The instant at which clocks show `hour` o'clock on the local `day` in `commune`."""
    return datetime.datetime.combine(day, datetime.time(hour), ZoneInfo(commune.zone)).astimezone(UTC)


def last_whole_day(instant, commune):
    """The last local day that is over before `instant`: what "until when" must say of a limit within a day."""
    return local_day(instant, commune) - datetime.timedelta(days=1)


def day_of(tour, commune):
    """The local day of `tour` in `commune`, None where it is not held. `tour.days` should be prefetched."""
    days = {local.territory: local.day for local in tour.days}
    return next((days[territory] for territory in commune.territories if territory in days), tour.day)


def day_shown(tour, commune):
    """The local day of a tour that a file names; the nation's where its commune holds it no more."""
    return day_of(tour, commune) or tour.day


def upcoming():
    """Tours not over everywhere, with their scrutin and local days, in the order of their days. Two statements."""
    since = now().date() - datetime.timedelta(days=1)  # somewhere it is still yesterday
    tours = (Tour.select(Tour, Scrutin).join(Scrutin)
             .where((Tour.day >= since) | Tour.id.in_(TourDay.select(TourDay.tour).where(TourDay.day >= since)))
             .order_by(Tour.day, Tour.number))
    return prefetch(tours, TourDay.select())


def open_for_requests(tours):
    """Those of `tours` whose scrutin already takes requests, no further than a procuration may last (R. 74)."""
    last = now().date() + law.longest_period()
    return [tour for tour in tours if tour.scrutin.opens_at <= now() and tour.day <= last]


def voted_in(tours, commune, after, until):
    """Those of `tours` that `commune` votes in between two local days, both included."""
    return [tour for tour in tours
            if tour.scrutin.territory in commune.territories
            and (day := day_of(tour, commune)) and after <= day <= until]


def still_to_vote(tours, commune):
    """Those of `tours` that are held in `commune`, today there or later."""
    return [tour for tour in tours if (day := day_of(tour, commune)) and day >= today(commune)]


def over(tours, commune):
    """Those of `tours` that `commune` has voted in, before today there."""
    return [tour for tour in tours if (day := day_of(tour, commune)) and day < today(commune)]


def rules(scrutin, commune):
    """The most specific rules: the scrutin's (or its id's) before the general ones, then the smallest territory."""
    known = Rules.select().where(Rules.territory.in_(commune.territories),
                                 (Rules.scrutin == scrutin) | Rules.scrutin.is_null())
    return rules_among(known, scrutin, commune)


def rules_among(known, scrutin, commune):
    """The same, from rows already read. `scrutin` may be its id; None: the rules of no scrutin in particular."""
    order = {territory: rank for rank, territory in enumerate(commune.territories)}
    number = getattr(scrutin, "id", scrutin)
    here = (row for row in known if row.territory in order and row.scrutin_id in (number, None))
    return min(here, key=lambda row: (row.scrutin_id is None, order[row.territory]), default=DEFAULT_RULES)


def want_one_commune(tours, commune):
    """Do the rules of one of `tours` want mandant and mandataire to vote in one commune? (L. 72 before 2022,
    Nouvelle-Calédonie.) One statement."""
    known = list(Rules.select().where(Rules.territory.in_(commune.territories)))
    return any(rules_among(known, tour.scrutin_id, commune).same_commune for tour in tours)


def without_visit(files):
    """Ids of those whose rules accept a certified digital identity in place of the visit (décret 2025-1059) for each
    tour they cover: of a file its scrutin's, of a period the general ones and those of each scrutin within it. The same
    few statements, however many files."""
    known = list(Rules.select())
    if not any(row.certified_identity for row in known):
        return set()
    tours = upcoming() if any(file.scrutin_id is None for file in files) else []
    return {file.id for file in files if all(rules_among(known, scrutin, file.commune).certified_identity
                                             for scrutin in _scrutins_of(file, tours))}


def _scrutins_of(file, tours):
    if file.scrutin_id:
        return [file.scrutin_id]
    within = voted_in(tours, file.commune, today(file.commune), file.valid_until)
    return [None, *{tour.scrutin_id for tour in within}]
