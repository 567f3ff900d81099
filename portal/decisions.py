"""What the clock does with the usual checks: it makes them again where they may say something else, and decides what
they leave no doubt about where the rules say so (`Rules.mode` "automatic").

A file waits for it in `Procuration.review_at`: after its establishment as long as the officer may undo the act, at once
when a place or a tour moved. A column and its index rather than a job a file: a day brings 160 000 of them, and none is
forgotten when a worker dies. Not in the request: the officer's quarter of an hour would have no use.

One file a transaction, whose people are held: two files at once could wait for each other in a circle.
"""
import datetime
from contextlib import suppress

from peewee import JOIN, Tuple

from models import LIVE, Agent, Commune, Passage, Personne, Procuration, Status, now
from portal import checks, places, procedure, verdicts
from portal.errors import Refused
from portal.jobs import Work

PAUSE = datetime.timedelta(seconds=30)
OF_THE_ROLL = ("mandant_non_inscrit", "mandataire_non_inscrit", "mandataire_inconnu")


# --- Files that wait for it -----------------------------------------------------------------------------------------

def decide(job):
    """Look at the file that waits the longest, and decide it if that is certain."""
    due = _files().where(Procuration.review_at <= now()).order_by(Procuration.review_at, Procuration.id).first()
    if due is None:
        return 0
    places.hold(due)
    _decide(_files().where(Procuration.id == due.id).get())
    return 1


def _files():
    return (Procuration.select(Procuration, Commune, Agent).join(Commune)
            .join_from(Procuration, Agent, JOIN.LEFT_OUTER))


def _decide(file):
    found = verdicts.review(file) if file.status in LIVE else []
    certain = found and file.review_at and verdicts.proposed(file, found)
    if certain:
        with suppress(Refused):         # a town hall was faster, or sees to it
            _act(file, *certain)
    Procuration.update(review_at=None).where(Procuration.id == file.id).execute()


def _act(file, act, reason):
    if act == "valider":
        procedure.valider(file, procedure.CLOCK)
    else:
        procedure.invalider(file, procedure.CLOCK, reason)


# --- Another roll ---------------------------------------------------------------------------------------------------

def follow(job):
    """The next file that the rolls of the commune `job.subject` speak of: its own, then those of its mandataires."""
    kind, _, last = (job.cursor or "own:").partition(":")
    number, position = NEXT[kind](job.subject, last)
    if number is None and kind == "own":
        kind, (number, position) = "named", _next_named(job.subject, "")
    if number is None:
        return 0
    file = _files().where(Procuration.id == number)
    places.hold(file.get())
    recheck(file.clone().get())
    job.cursor = f"{kind}:{position}"
    return 1


def _next_own(commune, last):
    """By the legal order of the acts, as the index has it. (None, None) at the end."""
    order = (Procuration.established_at, Procuration.id)
    files = Procuration.select(*order).where(
        *_concerned(), Procuration.commune == commune, Procuration.established_at.is_null(False))
    if last:
        at, number = last.rsplit("|", 1)
        files = files.where(Tuple(*order) > Tuple(at, int(number)))
    file = files.order_by(*order).first()
    return (file.id, f"{Procuration.established_at.db_value(file.established_at)}|{file.id}") if file else (None, None)


def _next_named(commune, last):
    """Files of other communes whose mandataire is registered in this one."""
    found = (Personne.select(Personne.id, Personne.procuration).join(Procuration)
             .where(*_concerned(), Personne.commune == commune, Personne.role == "mandataire",
                    Procuration.commune != commune, Personne.id > int(last or 0))
             .order_by(Personne.id).first())
    return (found.procuration_id, found.id) if found else (None, None)


def _concerned():
    """Files whose decision stands or is still to be made."""
    yesterday = now().date() - datetime.timedelta(days=1)       # somewhere it is still today
    return Procuration.status.in_((*LIVE, Status.INVALIDEE)), Procuration.valid_until >= yesterday


NEXT = {"own": _next_own, "named": _next_named}


def recheck(file):
    """Make the checks again; the commune is told where the rolls now speak against what it decided."""
    before = _rolls_say(verdicts.kept(file))
    after = _rolls_say(verdicts.review(file))
    if before != after and _contradicts(file, after):
        (Procuration.update(attention="liste_changee")
         .where(Procuration.id == file.id, Procuration.attention.is_null()).execute())


def _rolls_say(found):
    """The gravest verdict of the rolls, None before they were ever asked."""
    of_rolls = [one for one in found if one.check in checks.BY_ROLL]
    return checks.gravest(of_rolls) if of_rolls else None


def _contradicts(file, verdict):
    if file.status == Status.VALIDEE:
        return verdict == checks.KO
    return file.status == Status.INVALIDEE and verdict == checks.OK and _reason(file) in OF_THE_ROLL


def _reason(file):
    return (Passage.select(Passage.reason).where(Passage.procuration == file)
            .order_by(Passage.version.desc()).limit(1).scalar())


DECIDE = Work(decide, again=lambda ended_at: ended_at + PAUSE)
REVIEW = Work(follow)
