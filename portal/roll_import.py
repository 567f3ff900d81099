"""A file becomes the electoral roll of a commune: received in parts, read into a draft, shown, made current at once.

Readers never see half: the draft becomes current in one transaction, and the former roll is erased afterwards. Killed
anywhere, nothing has changed; the same again works. `WORKS` is for `portal.clock`.
"""
import datetime
import hashlib
from pathlib import Path

from models import CommuneName, Elector, Roll, RollFile, RollPart, database, now
from portal import jobs, journal, roll_files, rolls
from portal.catalogue import instant, number
from portal.database import hold, transaction
from portal.errors import Refused
from portal.roll_files import Reading, RollEmpty, RollUnusable

READ, ERASE = "lire_liste", "effacer_listes"    # names of the works
LIFE = datetime.timedelta(days=1)               # of a file nobody confirms
SMALLEST = 0.5                                  # of the former roll, unless somebody confirms it
ERASED_AT_ONCE = 2000                           # electors
PIECE = RollPart.SIZE


class RollKnown(RollUnusable):
    """The file is the commune's roll already, since the instant `at`."""

    status = 409


class RollSmaller(RollUnusable):
    """It has `lines` electors where the former roll has `former`: `kind`."""

    status = 409


class RollReplaced(Refused):
    """Another file was sent, or this one was dealt with, meanwhile."""

    status = 409


# --- From a file on this machine ------------------------------------------------------------------------------------

def import_file(commune, path, actor, *, progress=None, smaller=False):
    """Make the file `path` the roll of `commune`. Returns the report of `portal.roll_files`. Raises RollUnusable.

    `progress(done, total)` counts bytes. `smaller` accepts fewer than half of the former electors.
    """
    file = _begin(commune, None, _known_or_new(commune, _pieces_of(path)))
    file.state = "reading"
    try:
        while file.state == "reading":
            with transaction():
                read_on(file, lambda position: _pieces_of(path, position))
            _tell(progress, file.position, path)
        if file.state == "refused":
            raise refusal_of(file)
        replace(file, actor, smaller=smaller)
    except Refused:
        discard(file)
        raise
    return file.report


def check_file(commune, path, *, progress=None, smaller=False):
    """What import_file would find; nothing is written."""
    _known_or_new(commune, _pieces_of(path))
    reading = Reading(communes_of(commune))
    while not reading.ended:
        reading.advance(lambda position: _pieces_of(path, position))
        _tell(progress, reading.position, path)
    if not smaller:
        check_size(commune, reading.report)
    return reading.report


def _tell(progress, done, path):
    if progress:
        progress(done, Path(path).stat().st_size)


def _pieces_of(path, position=0):
    with open(path, "rb") as stream:
        stream.seek(position)
        yield from _pieces(stream)


def _pieces(stream):
    while piece := stream.read(PIECE):
        yield piece


# --- From an upload -------------------------------------------------------------------------------------------------

def receive(commune, agent, stream):
    """Keep an uploaded file until it is read by the work READ; returns its RollFile. Raises RollUnusable.

    It takes the place of another one of the commune that was not confirmed.
    """
    file = _begin(commune, agent, _known_or_new(commune, _pieces(stream)))
    stream.seek(0)
    lines = 0
    for place, piece in enumerate(_pieces(stream)):
        with transaction():
            _receiving(file, "receiving")
            RollPart.insert(file=file, number=place, content=piece).execute()
        lines += piece.count(b"\n")
    with transaction():
        _receiving(file, "reading")
        jobs.later(READ, file.id, total=lines)
    return file


def _receiving(file, state):
    """The file is in `state` from now on; held until the transaction ends. RollReplaced when another took its place."""
    if not RollFile.update(state=state).where(_same(file), RollFile.state == "receiving").execute():
        raise RollReplaced()


def of(commune):
    """The file that is to become the roll of `commune`, None where there is none."""
    return RollFile.get_or_none(RollFile.commune == commune)


def discard(file):
    """Forget the file and what was read of it; never another one that took its place."""
    mine = RollFile.select(RollFile.id).where(_same(file))
    with transaction():
        Roll.update(state="former").where(Roll.file.in_(mine)).execute()
        RollFile.delete().where(_same(file)).execute()
        jobs.bring_forward(ERASE)


def _known_or_new(commune, pieces):
    """The fingerprint of the file. Raises RollEmpty, or RollKnown when a current roll came from it."""
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
    if not size:
        raise RollEmpty()
    for roll in rolls.current(commune).values():
        if roll.fingerprint == digest.hexdigest():
            raise RollKnown(at=instant(roll.current_since, commune.zone))
    return digest.hexdigest()


def _begin(commune, agent, fingerprint):
    with transaction():
        hold(f"roll {commune.code}")
        if former := of(commune):
            discard(former)
        return RollFile.create(commune=commune, agent=agent, fingerprint=fingerprint)


# --- Reading --------------------------------------------------------------------------------------------------------

def read_on(file, source):
    """Inside a transaction: read the next lines of `file` into its drafts. Its `state` says what comes next."""
    reading = Reading(communes_of(file.commune), file.position, file.line, file.layout,
                      file.report or roll_files.a_report())
    try:
        rows = reading.advance(source)
    except RollUnusable as refusal:
        return _keep(file, state="refused", refusal={"name": type(refusal).__name__, "facts": refusal.facts})
    _keep(file, position=reading.position, line=reading.line, layout=reading.layout, report=reading.report,
          state="ready" if reading.ended else "reading")
    _write(file, rows)
    if reading.ended:
        _complete(file)
    return len(rows)


def refusal_of(file):
    """Why the file cannot be used, as it was raised; None where it can."""
    known = {refusal.__name__: refusal for refusal in RollUnusable.__subclasses__()}
    return file.refusal and known[file.refusal["name"]](**file.refusal["facts"])


def communes_of(commune):
    """The INSEE codes under which its electors may be listed: its own, those of its parts and former ones."""
    names = CommuneName.select(CommuneName.code).where(
        CommuneName.commune == commune, CommuneName.kind.not_in(("postal", "mot"))).tuples()
    return frozenset({commune.code, *(code for code, in names)})


def _keep(file, **columns):
    """Another worker that was slower writes nothing: the file has moved on under it."""
    if not RollFile.update(**columns).where(_same(file), RollFile.position == file.position).execute():
        raise RollReplaced()
    for name, value in columns.items():
        setattr(file, name, value)


def _same(file):
    """SQLite gives the number of an erased row again, and the same file may be sent twice."""
    return ((RollFile.id == file.id) & (RollFile.fingerprint == file.fingerprint)
            & (RollFile.created_at == file.created_at))


def _write(file, rows):
    drafts = {kind: _draft(file, kind).id for kind in {kind for kind, _ in rows}}
    if rows:
        statement = Elector.insert_many([(0, *rows[0][1])], roll_files.COLUMNS).sql()[0]
        database.cursor().executemany(statement.partition(" RETURNING")[0],
                                      [(drafts[kind], *columns) for kind, columns in rows])


def _draft(file, kind):
    draft, _ = Roll.get_or_create(file=file, kind=kind, defaults={
        "commune": file.commune_id, "fingerprint": file.fingerprint, "agent": file.agent_id})
    return draft


def _complete(file):
    """The drafts say how much they hold; the parts have been read."""
    for kind, lines in file.report["electors"].items():
        Roll.update(lines=lines, left_out=file.report["left_out"]).where(Roll.file == file, Roll.kind == kind).execute()
    RollPart.delete().where(RollPart.file == file).execute()


def _read(job):
    """A step of the work READ."""
    file = RollFile.get_or_none(RollFile.id == job.subject, RollFile.state == "reading")
    try:
        return read_on(file, lambda position: _parts(file, position)) or 1 if file else 0
    except RollReplaced as error:
        raise jobs.LeaseLost() from error


def _parts(file, position):
    place, skipped = divmod(position, PIECE)
    while part := RollPart.get_or_none(RollPart.file == file, RollPart.number == place):
        yield bytes(part.content)[skipped:]
        place, skipped = place + 1, 0


def acquaintance(file):
    """What the rolls of the commune would know of its last mandants with `file`, which is read; see portal.rolls."""
    kinds = [kind for kind, electors in file.report["electors"].items() if electors]
    others = (Roll.commune == file.commune) & (Roll.state == "current") & Roll.kind.not_in(kinds)
    return rolls.acquaintance(file.commune, Roll.select(Roll.id).where((Roll.file == file) | others))


# --- Replacing ------------------------------------------------------------------------------------------------------

def replace(file, actor, *, smaller=False):
    """The drafts of `file` become the rolls of the commune, in the place of those of the same kinds.

    Raises RollSmaller unless `smaller`, RollReplaced when the file is not ready any more.
    """
    commune = file.commune
    with transaction():
        hold(f"roll {commune.code}")
        drafts = {roll.kind: roll.id for roll in Roll.select().where(Roll.file == file, Roll.state == "draft")}
        if not RollFile.delete().where(_same(file), RollFile.state == "ready").execute():
            raise RollReplaced()
        if not smaller:
            check_size(commune, file.report)
        Roll.update(state="former").where(Roll.commune == commune, Roll.state == "current",
                                          Roll.kind.in_(list(drafts))).execute()
        Roll.update(state="current", current_since=now()).where(Roll.id.in_(list(drafts.values()))).execute()
        journal.record(actor, "importer", "roll", *drafts.values())
        jobs.bring_forward(ERASE)
        jobs.later("revoir", commune.code)


def check_size(commune, report):
    """Raise RollSmaller when a roll would lose more than half of its electors."""
    for kind, roll in rolls.current(commune).items():
        lines = report["electors"][kind]
        if 0 < lines < SMALLEST * roll.lines:
            raise RollSmaller(kind=kind, lines=number(lines), former=number(roll.lines))


# --- Erasing --------------------------------------------------------------------------------------------------------

def _erase(job):
    """A step of the work ERASE: a batch of a former roll's electors, then the roll itself."""
    for file in RollFile.select().where(RollFile.created_at < now() - LIFE):
        discard(file)
    roll = Roll.select().where(Roll.state == "former").order_by(Roll.id).first()
    if roll is None:
        return 0
    some = Elector.select(Elector.id).where(Elector.roll == roll).limit(ERASED_AT_ONCE)
    return Elector.delete().where(Elector.id.in_(some)).execute() or roll.delete_instance()


def _in_an_hour(ended_at):
    return ended_at + datetime.timedelta(hours=1)


WORKS = {READ: jobs.Work(_read), ERASE: jobs.Work(_erase, again=_in_an_hour)}
