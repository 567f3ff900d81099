"""`make bench`: what a page costs on this machine, beside thousands of files. Compare figures of one run only.

Per page: statements, median and slowest of the requests in milliseconds, size of the answer.
"""
import argparse
import itertools
import re
import statistics
import tempfile
import time
from pathlib import Path

from app import create_app
from benchmarks.rows import fill
from models import Procuration, Role, database
from portal import commune_list
from portal.database import migrations, open_database
from portal.settings import Settings, active, use
from tests import factories
from tests.statements import count_statements

REPEATS = 40


def main():
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        url = options.database_url or f"sqlite:///{Path(folder) / 'bench.db'}"
        use(Settings(database_url=url, secret_key="s" * 64, journal_key="j" * 64, base_url="http://localhost",
                     franceconnect_client_secret="c" * 64))
        open_database(url)
        migrations().up()
        _measure(options.rows)


def _options():
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=20_000, help="files already in the commune")
    parser.add_argument("--database-url", help="an empty PostgreSQL database; a SQLite file of its own by default")
    return parser.parse_args()


def _measure(rows):
    commune, scrutin, officer = factories.a_commune(), factories.a_scrutin(), factories.an_officer()
    started = time.perf_counter()
    fill(rows, commune, list(scrutin.tours), officer)
    commune_list.import_communes(commune_list.SHIPPED)
    print(f"{rows} files and the communes written in {time.perf_counter() - started:.0f} s")
    app = create_app(active())
    people = {"voter": {"voter": factories.a_voter()}, "commune": {"agent": factories.an_agent(Role.COMMUNE, commune)},
              "officer": {"agent": officer}}
    for name, who, request in _requests(rows):
        _report(name, app, people[who], request)


def _requests(rows):
    details = Procuration.select(Procuration.id).where(Procuration.status == "etablie").order_by(Procuration.id)
    yield "start page", "voter", lambda client: client.get("/")
    yield "form", "voter", lambda client: client.get("/demande")
    yield "own requests", "voter", lambda client: client.get("/mes-procurations")
    yield "grid", "commune", lambda client: client.get("/admin/procurations/")
    yield "details", "commune", lambda client: client.get(f"/admin/procurations/details/?id={details.get().id}")
    questions = itertools.cycle(("saint", "ly", "epinay", "75", "st-den", "69003", "ville", "l’hay", "paris 11", "bic"))
    yield "communes, a key", "voter", lambda client: client.get(f"/communes?q={next(questions)}")
    yield "look-up, found", "officer", _look_up
    yield "look-up, unknown", "officer", lambda client: _post(client, "/admin/guichet/", reference="ZZZ ZZZ")


def _look_up(client):
    code = factories.a_procuration().reference.code
    return _post(client, "/admin/guichet/", reference=code)


def _post(client, path, **form):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/admin/guichet/").text)[1]
    return client.post(path, data={**form, "csrf_token": token})


def _report(name, app, who, request):
    client = app.test_client()
    factories.log_in(client, **who)
    answer = request(client)
    with count_statements() as statements:
        request(client)
    times = [_time(request, client) for _ in range(REPEATS)]
    print(f"{name:18} {answer.status_code}  {len(statements):3} statements  median {statistics.median(times):6.1f} ms"
          f"  slowest {max(times):6.1f} ms  {len(answer.data) / 1024:6.1f} kB")
    database.close()


def _time(request, client):
    started = time.perf_counter()
    request(client)
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
