"""What is kept no longer than the law allows: each kind of row, how long, and what goes with it.

    files          one year after the last day they cover, local to the commune
    requests       never established: two months after they were filed, once the mail that says so has left
    mails          their content, 30 days after they were written; those that still have to leave keep it
    voters         a day after they were last seen, when they have no file left
    sessions       links, log-ins under way: a day after they ended; what limits counted: once their window ended

Read by batches in the order of an index, each batch erased in the transaction that moves the job's cursor; the journal
says which numbers are gone. `erase` does all of it now, `count` tells what would go and writes nothing.
"""
import datetime
from typing import Callable, NamedTuple

from peewee import Value, fn

from models import Commune, Mail, Procuration, SingleUse, Status, Voter, WebSession, now
from portal import accounts, addresses, jobs, journal, law, limits, scrutins
from portal.database import forget_what_was_written, free_rows
from portal.procedure import CLOCK

BATCH = 500
AN_HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)
MARGIN = datetime.timedelta(days=4)             # months and zones differ by less: rows are read so far, then judged
LAST_WORD = datetime.timedelta(days=3)          # a mail that could not leave by then does not keep its file
LINKS = (addresses.KIND, "mandataire")          # kinds of single uses whose subject is the number of a file


class Kind(NamedTuple):
    """`batch(cursor)` reads the next rows, `ended(rows)` is those of them whose time is over, `erase(rows)` does it;
    `cursor(row)` says where to go on."""

    batch: Callable
    ended: Callable
    erase: Callable
    cursor: Callable


def _work(kind):
    """The work of `portal.jobs` that goes through the rows of a kind at night."""
    def step(job):
        rows = kind.batch(job.cursor)
        if ended := kind.ended(rows):
            kind.erase(ended)
        if rows:
            job.cursor = kind.cursor(rows[-1])
        return len(rows)
    return jobs.Work(step, jobs.at_night)


def count():
    """{work: how many rows would go now}. Reads only."""
    return {**{name: _count(kind) for name, kind in KINDS.items()}, "sessions": accounts.expired() + limits.ended(),
            "journal": journal.forgettable()}


def _count(kind):
    found, rows = 0, kind.batch("")
    while rows:
        found += len(kind.ended(rows))
        rows = kind.batch(kind.cursor(rows[-1]))
    return found


def erase():
    """Erase all that is due now, in the transactions of the works. Returns {work: rows looked at}."""
    return {name: jobs.through(work) for name, work in WORKS.items()}


FILES_IN_ORDER = jobs.Order(Procuration.valid_until, Procuration.id)
REQUESTS_IN_ORDER = jobs.Order(Procuration.filed_at, Procuration.id)
MAILS_IN_ORDER = jobs.Order(Mail.created_at, Mail.id)


# --- Files ----------------------------------------------------------------------------------------------------------

def _files(cursor):
    """Established files whose last day covered may be a retention ago somewhere."""
    latest = (now() + MARGIN - law.retention()).date()
    rows = (Procuration.select(Procuration.id, Procuration.valid_until, Commune).join(Commune)
            .where(Procuration.valid_until <= latest, Procuration.established_at.is_null(False)))
    return list(FILES_IN_ORDER.after(rows, cursor).limit(BATCH))


def _files_ended(files):
    return [file for file in files
            if scrutins.end_of(file.valid_until + law.retention(), file.commune) <= now()]


def _requests(cursor):
    """Requests that were never established and that wait for nobody."""
    latest = now() + MARGIN - law.life_of_a_request()
    rows = Procuration.select(Procuration.id, Procuration.filed_at).where(
        Procuration.filed_at <= latest, Procuration.established_at.is_null(), Procuration.status != Status.DEPOSEE)
    return list(REQUESTS_IN_ORDER.after(rows, cursor).limit(BATCH))


def _requests_ended(files):
    """Without those whose last mail is still to leave."""
    ended = [file for file in files if file.filed_at + law.life_of_a_request() <= now()]
    unsent = Mail.select(Mail.procuration).where(
        Mail.procuration.in_([file.id for file in ended]), Mail.state.in_(("waiting", "sending")),
        Mail.created_at > now() - LAST_WORD) if ended else ()
    kept = {mail.procuration_id for mail in unsent}
    return [file for file in ended if file.id not in kept]


def _erase_files(files):
    """With everything that hangs on them: people, references, passages, coverage, search words, mails, links. Those
    somebody holds in this instant are for the next night."""
    rows = Procuration.select(Procuration.id).where(Procuration.id.in_([file.id for file in files]))
    ids = [row.id for row in free_rows(rows.order_by(Procuration.id))]
    SingleUse.delete().where(SingleUse.kind.in_(LINKS), SingleUse.subject.in_(list(map(str, ids)))).execute()
    Procuration.delete().where(Procuration.id.in_(ids)).execute()
    _trace(Procuration, ids)


def _trace(model, ids):
    if ids:
        journal.record(CLOCK, "effacer", model._meta.table_name, *ids)


# --- Mails ----------------------------------------------------------------------------------------------------------

def _mails(cursor):
    """Mails with a content that are old enough, sent or given up."""
    rows = Mail.select(Mail.id, Mail.created_at, Mail.procuration).where(
        Mail.context.is_null(False), Mail.created_at <= now() - law.retention_of_mails())
    return list(MAILS_IN_ORDER.after(rows, cursor).limit(BATCH))


def _mails_ended(mails):
    done = Mail.select(Mail.id).where(Mail.id.in_([mail.id for mail in mails]), Mail.state.in_(("sent", "dead")))
    ended = {mail.id for mail in done} if mails else ()
    return [mail for mail in mails if mail.id in ended]


def _erase_mails(mails):
    """What is left of a file's says that it was told, until the file goes; of others nothing is."""
    ids = [mail.id for mail in mails]
    Mail.delete().where(Mail.id.in_(ids), Mail.procuration.is_null()).execute()
    Mail.update(recipient="", context=None).where(Mail.id.in_(ids)).execute()


# --- Voters and sessions --------------------------------------------------------------------------------------------

def _voters(cursor):
    return list(Voter.select(Voter.id).where(Voter.id > int(cursor or 0)).order_by(Voter.id).limit(BATCH))


def _voters_ended(voters):
    if not voters:
        return []
    filed, open_ = (of.select(Value(1)).where(of.voter == Voter.id) for of in (Procuration, WebSession))
    return list(Voter.select(Voter.id).where(Voter.id.in_(voters), Voter.seen_at <= now() - DAY,
                                             ~fn.EXISTS(filed), ~fn.EXISTS(open_)).order_by(Voter.id))


def _erase_voters(voters):
    """Held first, then judged again: nobody files a request in the name of a voter who goes."""
    free_rows(Voter.select(Voter.id).where(Voter.id.in_(voters)).order_by(Voter.id))
    ids = [voter.id for voter in _voters_ended(voters)]
    Voter.delete().where(Voter.id.in_(ids)).execute()
    _trace(Voter, ids)


# --- All of them ----------------------------------------------------------------------------------------------------

KINDS = {
    "dossiers": Kind(_files, _files_ended, _erase_files, FILES_IN_ORDER.position),
    "demandes": Kind(_requests, _requests_ended, _erase_files, REQUESTS_IN_ORDER.position),
    "courriels": Kind(_mails, _mails_ended, _erase_mails, MAILS_IN_ORDER.position),
    "electeurs": Kind(_voters, _voters_ended, _erase_voters, lambda voter: str(voter.id)),
}
WORKS = {
    **{name: _work(kind) for name, kind in KINDS.items()},
    "sessions": jobs.Work(lambda job: accounts.forget_expired() + limits.forget_ended(), jobs.every(minutes=10)),
    "journal": journal.FORGET,
    "compacter": jobs.Work(lambda job: 0, lambda ended_at: jobs.at_night(ended_at) + AN_HOUR, forget_what_was_written),
}
