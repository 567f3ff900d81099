"""The eve of a poll: who gave a procuration that the town hall has not decided yet is told to call it, and the town
hall is alerted (design 4); so is who was told that it is valid, where an older act has taken its place since.

From eight in the morning of the eve, on the town's own clock, to the close of the poll.
"""
import datetime

from peewee import Value, fn, prefetch

from models import Commune, Couverture, Mail, Personne, Procuration, Status, now
from portal import jobs, mail, scrutins
from portal.database import free_rows

COMMUNES = 200                                  # looked at in one transaction
FILES = 100                                     # told of in one transaction
MORNING, CLOSE = 8, 18                          # o'clock; polls close at 18 h at the earliest (R. 41)
DAY = datetime.timedelta(days=1)
REST = datetime.timedelta(hours=1)              # since the act: its own mail has just said to wait


def tell(job):
    """A batch of town halls: the mandants of what they have not decided, then they themselves; on to the next ones
    once nobody is left to tell."""
    tours = [tour for tour in scrutins.upcoming() if _is_near(tour)]
    communes = _next(job.cursor) if tours else []
    told = sum(_tell(tour, [commune for commune in communes if eve_has_come(tour, commune, now())]) for tour in tours)
    if communes and not told:
        job.cursor = communes[-1].code
    return told or len(communes)


def _next(code):
    return list(Commune.select().where(Commune.code > code).order_by(Commune.code).limit(COMMUNES))


def _is_near(tour):
    """Is it held somewhere within the days that surround this instant?"""
    today = now().date()
    days = {tour.day, *(local.day for local in tour.days if local.day)}
    return any(today - DAY <= day <= today + 2 * DAY for day in days)


def eve_has_come(tour, commune, at):
    """Is `at` between the morning of the eve of `tour` in `commune` and the close of its poll?"""
    if tour.scrutin.territory not in commune.territories or not (day := scrutins.day_of(tour, commune)):
        return False
    return scrutins.hour_of(day - DAY, MORNING, commune) <= at < scrutins.hour_of(day, CLOSE, commune)


def undecided(tour, communes):
    """The acts of `communes` on `tour` that wait for a decision, for the first time or anew."""
    covered = Couverture.select(Value(1)).where(Couverture.procuration == Procuration.id, Couverture.tour == tour)
    first = (Procuration.status == Status.ETABLIE) & fn.EXISTS(covered)
    anew = ((Procuration.status == Status.VALIDEE) & (Procuration.attention == "place_perdue")
            & fn.EXISTS(covered.where(Couverture.lost)))
    return Procuration.select(Procuration.id).where(Procuration.commune.in_(communes), first | anew)


def _tell(tour, communes):
    """How many were told, at most FILES mandants; town halls as soon as none is left."""
    if not communes:
        return 0
    files = _not_told(tour, communes)
    for file in files:
        mail.queue(file, f"veille:{file.id}:{name_of(tour)}:mandant", "veille", _facts(file, tour))
    return len(files) or _alert(tour, communes)


def _not_told(tour, communes):
    told = Mail.select(Value(1)).where(Mail.procuration == Procuration.id, Mail.name == "veille",
                                       Mail.key.endswith(f":{name_of(tour)}:mandant"))
    reachable = Procuration.email.is_null(False) & (Procuration.voter.is_null()
                                                    | Procuration.email_confirmed_at.is_null(False))
    waiting = undecided(tour, communes).where(reachable, Procuration.established_at <= now() - REST, ~fn.EXISTS(told))
    ids = [row.id for row in free_rows(waiting.limit(FILES))]
    files = Procuration.select(Procuration, Commune).join(Commune).where(Procuration.id.in_(ids))
    return prefetch(files.order_by(Procuration.id), Personne.select()) if ids else []


def _facts(file, tour):
    """Of the act, on its own day, and the day of the vote."""
    established = scrutins.local_day(file.established_at, file.commune)
    return {**mail.preview(file, "etablir"), "day": established.isoformat(), "lost": file.status == Status.VALIDEE,
            "vote": scrutins.day_of(tour, file.commune).isoformat()}


def _alert(tour, communes):
    """One mail to each town hall that has an address and something to decide, once a tour. Returns how many."""
    reachable = {_key(commune, tour): commune for commune in communes if commune.email}
    known = {key for key, in Mail.select(Mail.key).where(Mail.key.in_(list(reachable))).tuples()} if reachable else ()
    fresh = {commune.code: commune for key, commune in reachable.items() if key not in known}
    counts = _counts(tour, list(fresh))
    for code, count in counts:
        _queue_alert(tour, fresh[code], count)
    return len(counts)


def _counts(tour, codes):
    if not codes:
        return []
    waiting = undecided(tour, codes).select(Procuration.commune, fn.COUNT(Procuration.id))
    return list(waiting.group_by(Procuration.commune).tuples())


def _key(commune, tour):
    return f"a_decider:{commune.code}:{name_of(tour)}:mairie"


def name_of(tour):
    """A tour in the key of a mail. SQLite gives the number of an erased tour again, and a tour that moved has another
    eve: its day tells them apart."""
    return f"{tour.id}-{tour.day:%Y%m%d}"


def _queue_alert(tour, commune, count):
    Mail.create(key=_key(commune, tour), name="a_decider", recipient=commune.email,
                context={"commune": commune.label, "count": count, "scrutin": tour.scrutin.name, "number": tour.number,
                         "vote": scrutins.day_of(tour, commune).isoformat()})


WORK = jobs.Work(tell, jobs.every(hours=1))
