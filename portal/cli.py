"""The commands of `flask`: each calls one service and says in a line what happened."""
import sys
from contextlib import contextmanager
from pathlib import Path

import click
from flask.cli import AppGroup, ScriptInfo
from flask_babel import gettext
from peewee import PeeweeException

from models import Agent, Commune, Role, now
from portal import (accounts, agent_import, anchors, clock, commune_list, erasure, fitness, jobs, journal,
                    roll_import, second_factor, settings, worker)
from portal.communes import resolve
from portal.database import migrations
from portal.errors import Refused
from portal.procedure import CLOCK

db = AppGroup("db", help="The schema.")
agents = AppGroup("agents", callback=settings.refuse_unsafe, help="Accounts of officers, town halls and the ministry.")
towns = AppGroup("communes", callback=settings.refuse_unsafe, help="The official list of communes.")
registers = AppGroup("roll", callback=settings.refuse_unsafe, help="Electoral rolls.")
trail = AppGroup("journal", callback=settings.refuse_unsafe, help="The append-only journal.")
works = AppGroup("jobs", callback=settings.refuse_unsafe, help="What is done without anybody asking.")


def is_under_way():
    """Was the application asked for by a command of `flask` that serves nobody? `run` does serve."""
    context = click.get_current_context(silent=True)
    return bool(context and context.find_object(ScriptInfo) and context.info_name != "run")


def install(app):
    for command in (db, agents, towns, registers, trail, works, check, work):
        app.cli.add_command(command)


@contextmanager
def said():
    """What is refused, and a database that fails, end a command with a sentence and exit 1."""
    try:
        yield
    except Refused as refusal:
        sys.exit(refusal.sentence)
    except PeeweeException as failure:
        sys.exit(f"the database failed ({type(failure).__name__}); what was under way is whole or undone: "
                 "the same command takes it up again")


@db.command()
def upgrade():
    """Apply the migrations that are missing."""
    for name in migrations().up():
        click.echo(f"applied {name}")


@db.command()
def status():
    """List the migrations, applied or not."""
    for migration in migrations().status():
        click.echo(f"{'applied' if migration.applied else 'pending'}  {migration.name}")


@agents.command("first")
@click.argument("email")
@click.option("--first-name", required=True)
@click.option("--last-name", required=True)
def first(email, first_name, last_name):
    """Create a ministry account and print its one-time link, good for a day."""
    try:
        _, token = accounts.create(CLOCK, email=email, role=Role.MINISTRY, first_name=first_name, last_name=last_name)
    except accounts.AddressTaken:
        sys.exit("this address has an account already")
    click.echo(f"{settings.active().base_url}/invitation/{token}")


@agents.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Tell what would happen, change no account.")
@click.option("--invite", is_flag=True, help="Send their invitations to the accounts it makes.")
def import_accounts(file, dry_run, invite):
    """Make or change the accounts FILE names, officers and managers (docs/accounts-file.md). Exit 1 where it cannot be
    used: nothing changed. Killed, the same command goes on where it stopped."""
    _take_in(file, "agents", dry_run, invite)


def _take_in(stream, kind, dry_run, invite=False):
    with said():
        file = agent_import.follow(agent_import.receive(None, stream, kind), _show_progress)
        if dry_run:
            agent_import.discard(file)
        elif file.state == "ready":
            agent_import.confirm(file, invite=invite)
            file = agent_import.follow(file, _show_progress)
        last = 0
        while lines := agent_import.refusals(file, last):
            for line in lines:
                click.echo(f"{line.line}: {agent_import.sentence_of(line)}")
            last = lines[-1].line
    counts = ", ".join(f"{count} {outcome}" for outcome, count in file.report.items())
    click.echo(f"{counts}{'; nothing written' if dry_run else ''}")


@agents.command("reset-second-factor")
@click.argument("email")
def reset_second_factor(email):
    """For the last account of the ministry whose owner lost telephone and recovery codes."""
    agent = Agent.get_or_none(Agent.email == accounts.log_in_name(email))
    if agent is None:
        sys.exit("no such account")
    token = second_factor.reset(CLOCK, agent)
    click.echo("second factor and password taken off; a mail leaves with this link, good for a day:")
    click.echo(f"{settings.active().base_url}/invitation/{token}")


@towns.command("import")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False))
def import_list(file):
    """Take in FILE, a newer list (.json, .json.gz), or the one shipped."""
    try:
        counts = commune_list.import_communes(file, _show_progress)
    except commune_list.UnusableList as refusal:
        sys.exit(refusal.sentence)
    click.echo(f"{counts.listed} communes listed: {counts.added} added, {counts.changed} changed, {counts.left} left")


@towns.command("emails")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Tell what would happen, change no address.")
def import_addresses(file, dry_run):
    """Take in FILE, a CSV of `commune` (INSEE code) and `courriel`: where each mairie is written to."""
    _take_in(file, "mairies", dry_run)


def _show_progress(done, total):
    click.echo(f"\r{done} of {total or '?'} rows", nl=done == total, err=True)


@registers.command("import")
@click.argument("commune")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Tell what would happen, write nothing.")
@click.option("--smaller", is_flag=True, help="Accept a list of less than half of the former electors.")
def import_roll(commune, file, dry_run, smaller):
    """Make FILE the electoral roll of COMMUNE (INSEE code or name). Exit 1 when it cannot be used: nothing changed."""
    with said():
        town = (Commune.get_or_none(Commune.code == commune) or resolve(commune).exact
                or sys.exit(f"{commune}: no commune"))
        report = (roll_import.check_file(town, file, progress=_show_bytes, smaller=smaller) if dry_run else
                  roll_import.import_file(town, file, CLOCK, progress=_show_bytes, smaller=smaller))
    for line, fault, _ in report["faults"]:
        click.echo(f"{line}: {gettext(f'roll.fault.{fault}')}")
    electors = ", ".join(f"{count} {kind}" for kind, count in report["electors"].items() if count)
    click.echo(f"{electors}; {report['fault_count']} lines to look at, {report['left_out']} left out"
               f"{'; nothing written' if dry_run else ''}")


def _show_bytes(done, total):
    click.echo(f"\r{done * 100 // total} %", nl=done == total, err=True)


@trail.command()
@click.option("--anchors", "file", type=click.Path(exists=True, dir_okay=False),
              help="The anchors, or what syslog made of them; by default the file of JOURNAL_ANCHORS.")
def verify(file):
    """Check every event, the chain, then both against the anchors. Exit 1: the first bad event and what is wrong."""
    known = _anchors(file or anchors.kept())
    fault = journal.verify(known)
    if fault:
        sys.exit(f"journal broken at {fault}")
    click.echo(f"journal intact: {journal.head()[0]} events, {_told(known)}")


def _anchors(path):
    if path is None or not Path(path).exists():
        anchored = path and jobs.of("ancrer", "") and jobs.of("ancrer", "").ended_at
        return sys.exit(f"{path}: the anchors are gone, or on another machine") if anchored else []
    try:
        return anchors.read(path)
    except anchors.NotAnAnchor as refusal:
        sys.exit(f"{path}, line {refusal.line}: not an anchor signed with this journal’s key")


def _told(known):
    if not known:
        return "no anchor to compare them with: a journal cut or written anew with the key would not be seen"
    last = max(known, key=lambda anchor: anchor.at)
    return f"anchors compared: {len(known)}, the last one of {last.at:%Y-%m-%d %H:%M} UTC at event {last.seq}"


@works.command("run")
@click.argument("name", required=False, type=click.Choice(list(clock.WORKS)))
@click.option("--dry-run", is_flag=True, help="Count what would be erased, write nothing.")
def run_works(name, dry_run):
    """Do what is due, or the work NAME now. Exit 1 when something failed: it is tried again later."""
    if dry_run:
        for work, number in erasure.count().items():
            if name in (None, work):
                click.echo(f"{work}: {number} to erase")
        return
    if name:
        clock.bring_forward(name)
    sys.exit(any([not _done(work) for work in ([name] if name else clock.WORKS)]))


def _done(name):
    """Do all that is due of one work, a line for each job that ended. False when it failed."""
    began = now()
    try:
        while clock.run(name=name):
            pass
    except Exception as failure:
        click.echo(f"{name}: {type(failure).__name__}; it goes on in a few minutes", err=True)
        return False
    for job in jobs.ended_since(name, began):
        click.echo(f"{name}{' of ' * bool(job.subject)}{job.subject}: {job.done} rows")
    return True


@click.command()
def check():
    """Is this configuration fit for production? Exit 1 and one line per fault."""
    found = settings.production_faults()
    try:
        found += fitness.faults()
    except fitness.GONE as error:
        found.append(f"{settings.PREFIX}DATABASE_URL: no answer ({type(error).__name__}); what it holds is not checked")
    for fault in found:
        click.echo(fault)
    sys.exit(bool(found))


@click.command("worker")
@click.option("--once", is_flag=True, help="Do what is due now, then stop.")
def work(once):
    """Send the mails, seal the journal and do the works of the clock until stopped. Any number may run."""
    settings.refuse_unsafe()
    fitness.wait()
    worker.run_once() if once else worker.run()
