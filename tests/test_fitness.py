"""A production that is unfit does not serve: what the database tells, and whole processes."""
import contextlib
import datetime
import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import requests
import time_machine
from click.testing import CliRunner

from demo.franceconnect import create_provider
from demo.mailbox import create_mailbox
from demo.samples import DOMAIN
from models import database, now
from portal import cli, fitness, journal
from portal.database import open_database
from portal.procedure import CLOCK
from portal.settings import UnusableSetting, load, use
from tests.engines import ONE_ENGINE
from tests.factories import an_agent
from tests.stack import ROOT, Process, free_ports
from tests.test_settings import SAFE

HOUR = datetime.timedelta(hours=1)
NOBODY = "postgresql://nobody@127.0.0.1:1/nowhere"


@pytest.fixture
def production(db, settings):
    """The settings of a safe production, on this test's own database."""
    return use(replace(load(SAFE), database_url=settings.database_url, sqlite_allowed="yes"))


def refused():
    with pytest.raises(UnusableSetting) as refusal:
        fitness.refuse()
    assert CliRunner().invoke(cli.check).output == f"{refusal.value}\n", "flask check says the same"
    return str(refusal.value)


def test_a_fit_database_is_served(production):
    an_agent(email="agent@mairie.fr")
    journal.record(CLOCK, "essai", "agent")
    fitness.refuse()
    assert CliRunner().invoke(cli.check).output == ""


@pytest.fixture
def behind(db):
    """A schema that lacks its migration, for the length of a test."""
    with database.atomic() as transaction:
        database.execute_sql("DELETE FROM schema_migration")
        yield
        transaction.rollback()


def test_pending_migrations_are_named(production, behind):
    assert refused().startswith("MAPROCURATION_DATABASE_URL: migrations are pending: 0001_initial")


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("fault", ["ALTER TABLE procuration DISABLE ROW LEVEL SECURITY",
                                   "ALTER ROLE maprocuration_town_hall BYPASSRLS"])
def test_a_second_wall_that_is_down_is_named(production, fault):
    with database.atomic() as transaction:
        database.execute_sql(fault)
        assert "MAPROCURATION_DATABASE_URL: row-level security: " in refused()
        transaction.rollback()


@pytest.mark.parametrize("email", [f"officier@{DOMAIN}", "a@mairie.test", "a@localhost", "A@EXAMPLE.ORG"])
def test_a_sample_account_is_refused_until_it_is_suspended(production, email):
    agent = an_agent(email=email)
    assert "sample accounts: 1" in refused() and email not in refused()
    agent.suspended_at = now()
    agent.save()
    fitness.refuse()


def test_an_address_that_only_looks_like_a_sample_is_nobodys_fault(production):
    an_agent(email="agent@latest.fr")
    fitness.refuse()


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("seconds", [-90, 90])
def test_a_clock_that_differs_from_the_databases_is_named(production, seconds):
    with time_machine.travel(now() + datetime.timedelta(seconds=seconds)):
        assert f"its clock is {abs(seconds)} s {'behind' if seconds > 0 else 'ahead of'}" in refused()


@ONE_ENGINE
def test_a_journal_from_the_future_is_named(production):
    with time_machine.travel(now() + HOUR):
        journal.record(CLOCK, "essai", "agent")
    assert "the journal's last event is 3600 s ahead of" in refused()


@ONE_ENGINE
def test_the_demonstration_is_not_asked(settings, behind):
    fitness.refuse()


# --- A database that was gone at the start --------------------------------------------------------------------------

@pytest.fixture
def watch(settings):
    """Of a server whose database was gone when it started."""
    use(load({**SAFE, "MAPROCURATION_DATABASE_URL": NOBODY}))
    open_database(NOBODY)
    watch = fitness.Watch()
    watch.start()
    return watch


def looks_again(watch, settings):
    open_database(settings.database_url)
    watch.next_look = 0
    return watch.admits()


@ONE_ENGINE
def test_it_is_looked_at_with_its_first_answer_and_nothing_is_served_before(watch, settings):
    assert (watch.admits(), watch.state) == (False, "unknown")
    assert looks_again(watch, settings) and watch.state == "fit"


@ONE_ENGINE
def test_what_turns_out_unfit_is_not_served_and_the_log_says_why(watch, settings, caplog):
    with open_database(settings.database_url).connection_context():
        an_agent(email=f"officier@{DOMAIN}")
    assert not looks_again(watch, settings) and watch.state == "unfit"
    assert "not served: MAPROCURATION_DATABASE_URL" in caplog.text and "officier@" not in caplog.text


# --- Whole processes ------------------------------------------------------------------------------------------------

def safe(**changes):
    return {**{name.removeprefix("MAPROCURATION_").lower(): value for name, value in SAFE.items()},
            "trusted_hosts": "localhost", "sqlite_allowed": "yes", **changes}


def a_command(folder, name, **changes):
    return Process(folder, "-m", "flask", name, **safe(**changes))


def a_server(folder, **changes):
    """As the README says."""
    port = free_ports(1)
    line = re.search(r"\.venv/bin/waitress-serve --listen=\S+ (.+)", (ROOT / "README.md").read_text())[1]
    process = Process(folder, "-m", "waitress", f"--listen=127.0.0.1:{port}", *line.split(), **safe(**changes))
    return process, f"http://localhost:{port}"


@pytest.fixture
def served(sqlite_template, tmp_path):
    shutil.copy(sqlite_template, tmp_path / "served.db")
    process, url = a_server(tmp_path, database_url=f"sqlite:///{tmp_path / 'served.db'}", requests_per_minute="3")
    try:
        process.await_answer(f"{url}/sante")
        yield process, url
    finally:
        process.stop()


def standin_paths(folder):
    for app in (create_provider("http://localhost", "portail", "c" * 64, [], []), create_mailbox(str(folder))):
        for rule in app.url_map.iter_rules():
            yield rule.rule.replace("<", "").replace(">", "").replace("path:", "")


def test_a_production_serves_no_address_of_the_stand_ins_and_logs_lines_of_json(served, tmp_path):
    process, url = served
    paths = {f"{prefix}{path}" for path in standin_paths(tmp_path) if path != "/" and "static" not in path
             for prefix in ("", "/plus", "/courriels", "/api/v2")} | {"/courriels", "/courriels/"}
    assert {path: requests.get(f"{url}{path}?code=secret-du-courrier").status_code for path in paths} == dict.fromkeys(
        paths, 404)
    answer = requests.get(f"{url}/connexion?reference=BCD234")
    assert answer.status_code == 200 and "Strict-Transport-Security" in answer.headers
    lines = [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]
    assert sum("no X-Forwarded-For" in line["event"] for line in lines) == 1, "said once, of a proxy that is none"
    assert set(lines[-1]) == {"time", "level", "logger", "event", "request", "endpoint", "method", "status",
                              "duration_ms"}
    assert (lines[-1]["endpoint"], lines[-1]["status"]) == ("pages.connexion", 200)
    by_address = [requests.get(f"{url}/", headers={"X-Forwarded-For": "203.0.113.9"}).status_code for _ in range(4)]
    assert by_address == [200, 200, 200, 429], "the server takes off what the proxy says of the browser"
    assert "secret-du-courrier" not in process.log.read_text() and "BCD234" not in process.log.read_text()


def ends(process):
    """The lines of a process that refused to start."""
    assert process.child.wait(60) != 0
    return process.log.read_text().splitlines()


def test_a_server_and_a_worker_refuse_what_flask_check_names_without_starting(tmp_path):
    """The server sees its settings first, then the database; `flask check` tells both."""
    unfit = {"sqlite_allowed": "yes", "database_url": f"sqlite:///{tmp_path / 'empty.db'}"}
    unsafe = {**unfit, "secret_key": "court"}
    server, worker, unsafe_server, check = (
        a_server(tmp_path, **unfit)[0], a_command(tmp_path, "worker", **unfit), a_server(tmp_path, **unsafe)[0],
        a_command(tmp_path, "check", **unsafe))
    said = ends(check)
    assert [line.partition(":")[0] for line in said] == ["MAPROCURATION_SECRET_KEY", "MAPROCURATION_DATABASE_URL"]
    assert ends(server) == ends(worker) == said[1:] and ends(unsafe_server) == said[:1]


def test_a_database_that_is_gone_is_no_reason_not_to_start(tmp_path):
    process, url = a_server(tmp_path, database_url=NOBODY)
    try:
        sante = asked(process, f"{url}/sante")
        assert (sante.status_code, sante.json()["database"]) == (503, "down")
        page = requests.get(url)
        assert page.status_code == 503 and "Retry-After" in page.headers
        assert json.loads(process.log.read_text().splitlines()[0])["logger"] == "maprocuration.fitness"
    finally:
        process.stop()


def asked(process, url):
    """The first answer."""
    for _ in range(300):
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(url)
        assert process.child.poll() is None, process.log.read_text()
        time.sleep(0.1)


@pytest.mark.parametrize("module", ["demo", "demo.standin"])
def test_the_demonstration_is_not_importable_there(module, tmp_path):
    answer = subprocess.run([sys.executable, "-m", module], cwd=tmp_path, capture_output=True, text=True,
                            env={"MAPROCURATION_ENV": "production", "PYTHONPATH": str(ROOT)})
    assert answer.returncode and "MAPROCURATION_ENV is production: nothing of the demonstration" in answer.stderr
