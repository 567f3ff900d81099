"""A file of accounts, or of mairies' addresses, is taken in: received in parts, read line by line, shown, confirmed,
then written batch by batch.

Each batch is one transaction that also moves the job's cursor: killed anywhere, the work goes on where it stopped, and
no line is half done. What a line asks for is judged again when it is written: the accounts may have moved since it was
read. `WORKS` is for `portal.clock`.
"""
import datetime
import hashlib
import time
from collections import Counter

from flask_babel import gettext
from peewee import JOIN, chunked, fn

from models import Agent, AgentFile, AgentLine, AgentPart, Commune, Job, Role, RollPart, WebSession, database, now
from portal import accounts, agent_files, first_doors, jobs, journal, proconnect
from portal.agent_files import AgentFileEmpty, AgentFileUnusable, Encoding, Reading, Unfit
from portal.database import hold, on_postgresql, transaction
from portal.errors import Refused
from portal.procedure import CLOCK

READ, APPLY, INVITE, ERASE = "lire_comptes", "ecrire_comptes", "inviter_comptes", "effacer_comptes"
LIFE = datetime.timedelta(days=1)               # of a file nobody confirms
RECEIVED = datetime.timedelta(minutes=10)       # longest upload
KEPT = datetime.timedelta(days=7)               # of one that was taken in, for its report
APPLIED = 500                                   # lines written in one transaction
WRITTEN_AT_ONCE = 500                           # lines of a statement
INVITED = 200                                   # invitations written in one transaction
ERASED = 5000                                   # lines
PIECE = RollPart.SIZE
UNDER_WAY = ("receiving", "reading", "ready", "applying")
WRITTEN = ("create", "change", "end")
PAUSE = 0.2                                     # seconds between two looks at a job another worker does


class AgentFileUnderWay(Refused):
    """Another file is being read, waits for a confirmation, or is written: one at a time."""

    status = 409


class AgentFileReplaced(Refused):
    """The file was confirmed, given up or erased meanwhile."""

    status = 409


class AgentFileOther(AgentFileUnusable):
    """A file of another kind than the command takes."""


# --- Receiving ------------------------------------------------------------------------------------------------------

def receive(agent, stream, kind=None):
    """Keep the file `stream` until the work READ has read it; returns its AgentFile. `agent` None: the command line,
    which takes up the same file where it was left. Raises AgentFileUnusable, AgentFileUnderWay."""
    fingerprint, encoding = _known(stream)
    if agent is None and (file := _left(fingerprint)):
        return file
    file = _begin(agent, fingerprint, kind, encoding)
    stream.seek(0)
    lines = 0
    for number, piece in enumerate(_pieces(stream)):
        with transaction():
            _move(file, "receiving", "receiving")
            AgentPart.insert(file=file, number=number, content=piece).execute()
        lines += piece.count(b"\n")
    with transaction():
        _move(file, "receiving", "reading")
        jobs.later(READ, file.id, total=lines)
    return file


def _known(stream):
    """The fingerprint of the file and its encoding."""
    digested, encoding, size = hashlib.sha256(), Encoding(), 0
    for piece in _pieces(stream):
        digested.update(piece)
        encoding.feed(piece)
        size += len(piece)
    encoding.feed(b"", final=True)
    if not size:
        raise AgentFileEmpty()
    return digested.hexdigest(), encoding.name


def _pieces(stream):
    while piece := stream.read(PIECE):
        yield piece


def _begin(agent, fingerprint, kind, encoding):
    with transaction():
        hold("agent file")
        former = current()
        if former and former.state in UNDER_WAY and not _is_over(former, fingerprint):
            raise AgentFileUnderWay()
        if former:
            _let_go(former)
        return AgentFile.create(agent=agent, fingerprint=fingerprint, kind=kind, layout={"encoding": encoding},
                                report=dict.fromkeys(AgentLine.OUTCOMES, 0))


def _left(fingerprint):
    """The same file, where it was left by a command that was killed."""
    file = current()
    if not file or file.fingerprint != fingerprint or file.state not in ("reading", "ready", "applying"):
        return None
    free = Job.lease_until.is_null() | (Job.lease_until < now())
    Job.update(due_at=now()).where(Job.name.in_((READ, APPLY)), Job.subject == str(file.id), free,
                                   Job.due_at.is_null(False)).execute()
    return file


def current():
    """The file that is on its way or was taken in last; None where there is none."""
    return AgentFile.select().where(AgentFile.state != "former").order_by(AgentFile.id.desc()).first()


def discard(file):
    """Forget a file that was not confirmed. Raises AgentFileReplaced when it was."""
    with transaction():
        _let_go(file, but=("applying", "former"))


def _let_go(file, but=("former",)):
    if not AgentFile.update(state="former").where(_same(file), AgentFile.state.not_in(but)).execute():
        raise AgentFileReplaced()
    jobs.bring_forward(ERASE)


def _is_over(file, fingerprint):
    """Nobody finished it in time, or whoever sends `fingerprint` begins anew. What is being written goes on."""
    if file.state == "receiving":
        return file.fingerprint == fingerprint or file.created_at < now() - RECEIVED
    return file.state != "applying" and file.created_at < now() - LIFE


def _move(file, before, after):
    """The file is in state `after` from now on; held until the transaction ends."""
    if not AgentFile.update(state=after).where(_same(file), AgentFile.state == before).execute():
        raise AgentFileReplaced()
    file.state = after


def _same(file):
    """SQLite gives the number of an erased row again."""
    return ((AgentFile.id == file.id) & (AgentFile.fingerprint == file.fingerprint)
            & (AgentFile.created_at == file.created_at))


# --- Reading --------------------------------------------------------------------------------------------------------

def _read(job):
    """A step of the work READ: the next lines, each with what would come of it."""
    file = AgentFile.get_or_none(AgentFile.id == job.subject, AgentFile.state == "reading")
    if file is None:
        return 0
    wanted, reading = file.kind, Reading(file.layout, file.position, file.line)
    try:
        lines = reading.advance(lambda position: _parts(file, position))
        if wanted not in (None, reading.layout.get("kind", wanted)):
            raise AgentFileOther()
        if reading.ended and not (lines or any(file.report.values())):
            raise AgentFileEmpty()
    except AgentFileUnusable as refusal:
        _keep(file, state="refused", refusal={"name": type(refusal).__name__, "facts": refusal.facts})
        return 0
    kind = reading.layout.get("kind")
    counts = Counter(_put(file, _judged(file, kind, lines)) if lines else ())
    _keep(file, position=reading.position, line=reading.line, layout=reading.layout, kind=kind,
          report={outcome: number + counts[outcome] for outcome, number in file.report.items()},
          state="ready" if reading.ended else "reading")
    return 0 if reading.ended else len(lines) or 1


def _parts(file, position):
    number, skipped = divmod(position, PIECE)
    while part := AgentPart.get_or_none(AgentPart.file == file, AgentPart.number == number):
        yield bytes(part.content)[skipped:]
        number, skipped = number + 1, 0


def _keep(file, **columns):
    """Another worker that was slower writes nothing: the file has moved on under it."""
    if not AgentFile.update(**columns).where(_same(file), AgentFile.position == file.position).execute():
        raise jobs.LeaseLost()


def refusal_of(file):
    """Why the file cannot be used, as it was raised; None where it can."""
    known = {refusal.__name__: refusal for refusal in AgentFileUnusable.__subclasses__()}
    return file.refusal and known[file.refusal["name"]](**file.refusal["facts"])


def _judged(file, kind, lines):
    """[(Line, outcome or Unfit)]: what each line would do to the tables, and whether an earlier one names the same."""
    plan_for_values()
    seen = dict(AgentLine.select(AgentLine.subject, fn.MIN(AgentLine.line)).group_by(AgentLine.subject).where(
        AgentLine.file == file, AgentLine.subject.in_({line.subject for line in lines})).tuples())
    judge, found = JUDGES[kind]([line.content for line in lines if not line.unfit]), []
    for line in lines:
        earlier = seen.setdefault(line.subject, line.number) if line.subject else line.number
        twice = Unfit("email" if kind == "agents" else "commune", "twice", first=earlier)
        found.append((line, line.unfit or (twice if earlier != line.number else _outcome(judge, line.content))))
    return found


def plan_for_values():
    """Until the transaction ends. A statement that comes again and again gets one plan for any values, which compares
    each row of a table with each of thousands of addresses."""
    if on_postgresql():
        database.execute_sql("SET LOCAL plan_cache_mode = force_custom_plan")


def _outcome(judge, content):
    try:
        return judge(content)
    except Unfit as unfit:
        return unfit


def _put(file, judged):
    """Write the lines; returns the outcome of each."""
    rows = [(file.id, line.number, line.subject, *_verdict(line, outcome)) for line, outcome in judged]
    columns = (AgentLine.file, AgentLine.line, AgentLine.subject, AgentLine.outcome, AgentLine.cell, AgentLine.fault,
               AgentLine.content)
    for some in chunked(rows, WRITTEN_AT_ONCE):
        AgentLine.insert_many(some, columns).execute()
    return [row[3] for row in rows]


def _verdict(line, outcome):
    """Outcome, cell, fault, content."""
    if isinstance(outcome, Unfit):
        return "refused", outcome.cell, outcome.fault, outcome.facts
    return outcome, None, None, line.content


# --- What a line would do -------------------------------------------------------------------------------------------

JUDGED = (Agent.id, Agent.email, Agent.role, Agent.commune, Agent.first_name, Agent.last_name, Agent.quality,
          Agent.unit, Agent.place, Agent.birth_date, Agent.siret, Agent.habilitated_from, Agent.habilitated_until,
          Agent.delegated_from, Agent.delegated_until)


def _accounts_judge(contents):
    """A function that tells the outcome of one content, having read what it needs for all of them."""
    known, communes = _accounts_of(contents), _communes_of(contents)
    today = now().date().isoformat()

    def judge(content):
        agent = known.get(content["email"])
        if content.get("commune", "") not in ("", *communes):
            raise Unfit("commune", "commune")
        if agent is None:
            return _newcomer(content)
        changes = _changes(agent, content)
        if any(changes.get(end, today) < today for end in ("habilitated_until", "delegated_until")):
            return "end"
        return "change" if changes else "same"
    return judge


def _newcomer(content):
    if content["role"] == Role.OFFICER:
        agent_files.want(content, *agent_files.ON_THE_ACT)
    return "create"


def _changes(agent, content):
    """What a line says otherwise than the account. Raises Unfit for what no file may change."""
    if agent.role != content["role"]:
        raise Unfit("role", "other_role")
    if agent.commune_id != content.get("commune"):
        raise Unfit("commune", "other_commune")
    return {column: text for column, text in content.items()
            if column not in ("email", "role", "commune") and text != str(getattr(agent, column) or "")}


def _accounts_of(contents):
    emails = [content["email"] for content in contents]
    return {agent.email: agent for agent in Agent.select(*JUDGED).where(Agent.email.in_(emails))}


def _communes_of(contents):
    codes = {content["commune"] for content in contents if "commune" in content}
    return {code: email for code, email in Commune.select(Commune.code, Commune.email).where(
        Commune.code.in_(codes), Commune.listed).tuples()} if codes else {}


def _mairies_judge(contents):
    communes = _communes_of(contents)

    def judge(content):
        if content["commune"] not in communes:
            raise Unfit("commune", "commune")
        known = communes[content["commune"]]
        return "same" if known == content["email"] else "change" if known else "create"
    return judge


JUDGES = {"agents": _accounts_judge, "mairies": _mairies_judge}


# --- Writing --------------------------------------------------------------------------------------------------------

def confirm(file, *, invite=False):
    """Have what `file` asks for written by the work APPLY. Raises AgentFileReplaced."""
    with transaction():
        _move(file, "ready", "applying")
        AgentFile.update(invite=invite).where(_same(file)).execute()
        jobs.later(APPLY, file.id, total=sum(file.report[outcome] for outcome in WRITTEN))


def _apply(job):
    """A step of the work APPLY: the next lines that change something. The last one opens the way to invitations."""
    file = AgentFile.get_or_none(AgentFile.id == job.subject, AgentFile.state == "applying")
    lines = _next_lines(file, job.cursor, WRITTEN, APPLIED) if file else []
    if file and not lines:
        _end(file)
    if not lines:
        return 0
    plan_for_values()
    judge, fit = JUDGES[file.kind]([line.content for line in lines]), {}
    for line in lines:
        outcome = _outcome(judge, line.content)
        if outcome != line.outcome:
            _amend(file, line, outcome)
        fit.setdefault(line.outcome, []).append(line)
    WRITERS[file.kind](file.agent or CLOCK, fit)
    job.cursor = str(lines[-1].line)
    return len(lines)


def _next_lines(file, cursor, outcomes, most):
    return list(AgentLine.select().where(AgentLine.file == file, AgentLine.outcome.in_(outcomes),
                                         AgentLine.line > int(cursor or 0)).order_by(AgentLine.line).limit(most))


def _amend(file, line, outcome):
    """What came between the reading and the writing changed what comes of a line."""
    file.report = {**file.report, line.outcome: file.report[line.outcome] - 1}
    line.outcome, line.cell, line.fault, line.content = _verdict(line, outcome)
    file.report[line.outcome] += 1
    AgentLine.update(outcome=line.outcome, cell=line.cell, fault=line.fault, content=line.content).where(
        AgentLine.file == file, AgentLine.line == line.line).execute()
    AgentFile.update(report=file.report).where(AgentFile.id == file.id).execute()


def _write_accounts(actor, lines):
    """Accounts are made and changed; sessions end with what opened them: the account, or its link to ProConnect, which
    was for another SIRET. One event for all."""
    ids = _create([line.content for line in lines.get("create", ())])
    changed = [line.content for outcome in ("change", "end") for line in lines.get(outcome, ())]
    known = _accounts_of(changed)
    changes = [(known[content["email"]].id, _changes(known[content["email"]], content)) for content in changed]
    _update(changes)
    ended = [known[line.content["email"]].id for line in lines.get("end", ())]
    ended += proconnect.forget_links([number for number, columns in changes if "siret" in columns])
    WebSession.delete().where(WebSession.agent.in_(ended)).execute()
    ids += [agent.id for agent in known.values()]
    if ids:
        journal.record(actor, "importer_comptes", "agent", *ids)


def _create(contents):
    if not contents:
        return []
    blank = {column.name: column.default for column in JUDGED[1:]}
    rows = [{**blank, **content} for content in contents]
    made = Agent.insert_many(rows).returning(Agent.id).tuples().execute()
    return [number for number, in made]


def _update(changes):
    """[(id, columns)], one statement for all that change the same columns."""
    alike = {}
    for number, columns in changes:
        order = tuple(field for field in Agent._meta.sorted_fields if field.name in columns)    # as peewee writes them
        alike.setdefault(order, []).append((*(columns[field.name] for field in order), number))
    for order, rows in alike.items():
        statement = Agent.update(dict.fromkeys(order, "")).where(Agent.id == 0).sql()[0]
        database.cursor().executemany(statement, rows)


def _write_addresses(actor, lines):
    contents = [line.content for outcome in WRITTEN for line in lines.get(outcome, ())]
    if contents:
        first_doors.note_addresses({content["commune"]: content["email"] for content in contents})
        journal.record(actor, "importer_adresses", "commune", *(content["commune"] for content in contents))


WRITERS = {"agents": _write_accounts, "mairies": _write_addresses}


def _end(file):
    _move(file, "applying", "done")
    AgentPart.delete().where(AgentPart.file == file).execute()
    if file.kind == "agents" and file.invite:
        jobs.later(INVITE, file.id, total=file.report["create"])


# --- Inviting -------------------------------------------------------------------------------------------------------

def invite(file):
    """Have those whose accounts `file` made invited, once. Raises AgentFileReplaced."""
    with transaction():
        if not AgentFile.update(invite=True).where(_same(file), AgentFile.state == "done", AgentFile.kind == "agents",
                                                   ~AgentFile.invite).execute():
            raise AgentFileReplaced()
        jobs.later(INVITE, file.id, total=file.report["create"])


def _invite(job):
    """A step of the work INVITE: mails for the next accounts that nobody has opened yet."""
    file = AgentFile.get_or_none(AgentFile.id == job.subject, AgentFile.state == "done", AgentFile.invite)
    lines = _next_lines(file, job.cursor, ("create",), INVITED) if file and file.kind == "agents" else []
    if not lines:
        return 0
    agents = Agent.select(Agent, Commune).join(Commune, JOIN.LEFT_OUTER).where(
        Agent.email.in_([line.subject for line in lines]), Agent.password_hash.is_null(), Agent.sub.is_null(),
        Agent.suspended_at.is_null())
    accounts.send_links(file.agent or CLOCK, list(agents))
    job.cursor = str(lines[-1].line)
    return len(lines)


# --- Erasing --------------------------------------------------------------------------------------------------------

def _erase(job):
    """A step of the work ERASE: a batch of the lines of a file whose time is over, then the file itself."""
    old = (AgentFile.created_at < now() - KEPT) | (
        AgentFile.state.not_in(("done", "applying")) & (AgentFile.created_at < now() - LIFE))
    AgentFile.update(state="former").where(old, AgentFile.state.not_in(("former", "applying"))).execute()
    file = AgentFile.select().where(AgentFile.state == "former").order_by(AgentFile.id).first()
    if file is None:
        return 0
    last = AgentLine.select(AgentLine.line).where(AgentLine.file == file).order_by(AgentLine.line).limit(1).offset(
        ERASED).scalar()
    if last:
        return AgentLine.delete().where(AgentLine.file == file, AgentLine.line < last).execute()
    return file.delete_instance()


WORKS = {READ: jobs.Work(_read), APPLY: jobs.Work(_apply), INVITE: jobs.Work(_invite),
         ERASE: jobs.Work(_erase, again=jobs.every(hours=1))}


# --- For a command --------------------------------------------------------------------------------------------------

def follow(file, progress=lambda done, total: None):
    """Do, or see another worker do, what is under way with `file`; returns it as it then is. Raises AgentFileUnusable,
    AgentFileReplaced."""
    while (file := AgentFile.get_or_none(_same(file))) and file.state in ("reading", "applying"):
        name = READ if file.state == "reading" else APPLY
        if not jobs.run(WORKS, stopping=lambda: True, name=name):
            time.sleep(PAUSE)
        job = jobs.of(name, file.id)
        if job:
            progress(job.done, job.total)
    if file is None or file.state == "former":
        raise AgentFileReplaced()
    if file.state == "refused":
        discard(file)
        raise refusal_of(file)
    return file


def refusals(file, after=0, most=1000):
    """The refused lines of `file` after a line, in order."""
    rows = AgentLine.select().where(AgentLine.file == file, AgentLine.outcome == "refused", AgentLine.line > after)
    return list(rows.order_by(AgentLine.line).limit(most))


def sentence_of(line):
    """What is wrong with a refused line, and what to do; it names the column."""
    column = line.cell and agent_files.COLUMNS[line.cell][0]
    return gettext(f"agents.fault.{line.fault}", column=column, **line.content)
