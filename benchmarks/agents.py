"""`python -m benchmarks.agents FILE`: a file of officers who are nobody, as a ministry would write it. Deterministic.

With `--measure`, take it in as well: seconds and peak memory. Figures: 100 000 officers under 120 s and 150 MB, for the
dry run and for the real one.
"""
import argparse
import random
import resource
import tempfile
import time
from pathlib import Path

from benchmarks.roll import FIRST_NAMES, person
from models import Agent, Mail
from portal import agent_import, settings
from portal.agent_files import COLUMNS
from portal.database import migrations, open_database

HEADERS = ("email", "first_name", "last_name", "role", "quality", "unit", "place", "birth_date", "siret",
           "habilitated_from", "habilitated_until")
QUALITIES = ("brigadier-chef, APJ", "gardien de la paix, APJ", "adjudant, OPJ", "lieutenant, OPJ")
TOWNS = ("Lyon", "Paris", "Bourg-en-Bresse", "Saint-Étienne", "Fort-de-France")


def lines(count, until="31/12/2027", seed=1):
    """The file line by line, header first."""
    chance = random.Random(seed)
    yield ";".join(COLUMNS[column][0] for column in HEADERS) + "\r\n"
    for number in range(count):
        somebody, town = person(chance), chance.choice(TOWNS)
        yield ";".join((f"agent.{number}@interieur.example", chance.choice(FIRST_NAMES[somebody["sex"]]),
                        somebody["birth_name"], "officier", f'"{chance.choice(QUALITIES)}"', f"Commissariat de {town}",
                        town, f"{chance.randint(1, 28):02}/03/{chance.randint(1965, 2004)}", "11001401600015",
                        "01/01/2026", until)) + "\r\n"


def write(path, count, **columns):
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.writelines(lines(count, **columns))


def main():
    options = _options()
    write(options.file, options.lines)
    print(f"{options.lines} lines, {Path(options.file).stat().st_size / 1e6:.1f} MB in {options.file}")
    if options.measure:
        with tempfile.TemporaryDirectory() as folder:
            _measure(options, options.database_url or f"sqlite:///{Path(folder) / 'bench.db'}")


def _options():
    parser = argparse.ArgumentParser("python -m benchmarks.agents", description=__doc__.partition("\n")[0])
    parser.add_argument("file")
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--measure", action="store_true", help="take it in, in an empty database")
    parser.add_argument("--database-url", help="an empty PostgreSQL database; a SQLite file of its own by default")
    return parser.parse_args()


def _measure(options, url):
    settings.use(settings.Settings(database_url=url, secret_key="s" * 64, journal_key="j" * 64))
    open_database(url)
    migrations().up()
    _report("dry run", lambda: check(options.file))
    _report("real run", lambda: take_in(options.file))
    _report("the same again", lambda: take_in(options.file))
    write(options.file, options.lines, until="30/06/2028")
    _report("other dates", lambda: take_in(options.file))
    print(f"{Agent.select().count()} accounts, {Mail.select().count()} mails")


def check(path):
    """What the file would do; its counts by outcome."""
    file = _read(path)
    agent_import.discard(file)
    return file.report


def take_in(path, invite=False):
    file = _read(path)
    agent_import.confirm(file, invite=invite)
    return agent_import.follow(file).report


def _read(path):
    with open(path, "rb") as stream:
        return agent_import.follow(agent_import.receive(None, stream))


def _report(name, act):
    started, computed = time.perf_counter(), time.process_time()
    report = act()
    print(f"{name:15} {time.perf_counter() - started:6.1f} s ({time.process_time() - computed:.1f} s of CPU here), "
          f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB, {report}")


if __name__ == "__main__":
    main()
