"""`python -m benchmarks.roll FILE`: a roll as the REU gives it, of people who are nobody. Deterministic.

With `--measure`, import it as well: seconds and peak memory. Figures: 100 000 lines under 60 s and 200 MB.
"""
import argparse
import random
import resource
import tempfile
import time
from pathlib import Path

from models import Commune
from portal import roll_import, settings
from portal.database import migrations, open_database
from portal.procedure import CLOCK

HEADERS = (
    "code de l'ugle", "libellé de l'ugle", "libellé du type de liste", "nom de naissance", "nom d'usage", "prénoms",
    "sexe", "date de naissance", "code commune de naissance", "libellé commune de naissance",
    "code département de naissance", "pays de naissance", "libellé nationalité", "numéro de voie", "libellé de voie",
    "complément 1", "complément 2", "lieu-dit", "code postal", "commune", "pays", "code du bureau de vote",
    "libellé du bureau de vote", "code circonscription législative du bureau de vote",
    "libellé canton du bureau de vote", "libellé circonscription métropolitaine du bureau de vote",
    "numéro d'ordre dans le bureau de vote")
BEGINNINGS = ("Bel", "Char", "Del", "Four", "Gré", "Lan", "Mar", "Per", "Rou", "Ver", "D’Or", "Saint-")
MIDDLES = ("a", "be", "co", "di", "fo", "gue", "li", "mon", "ni", "pa", "ra", "vé")
ENDINGS = ("nd", "rt", "lle", "tin", "ssier", "çon", "veau", "nier", "zac", "ix")
FIRST_NAMES = {"F": ("Anaïs", "Béatrice", "Chloé", "Denise", "Élise", "Françoise", "Inès", "Jeanne", "Marie-Laure"),
               "M": ("Amir", "Benoît", "Cédric", "Daniel", "Éric", "François", "Hugo", "Jean-Paul", "Loïc", "Théo")}
KIND = {"LP": "liste principale", "LCM": "liste complémentaire municipale", "LCE": "liste complémentaire européenne"}


def person(chance):
    """What a roll says of somebody: names, sex, birth date as DD/MM/YYYY."""
    sex = chance.choice("FM")
    return {"birth_name": _name(chance), "used_name": _name(chance) if chance.random() < 0.3 else "",
            "first_names": " ".join(chance.sample(FIRST_NAMES[sex], chance.randint(1, 3))), "sex": sex,
            "birth_date": _date(chance)}


def _name(chance):
    parts = (chance.choice(BEGINNINGS), *chance.choices(MIDDLES, k=chance.randint(1, 3)), chance.choice(ENDINGS))
    return "".join(parts).upper()


def _date(chance):
    year = chance.randint(1925, 2007)
    return (f"00/00/{year}" if chance.random() < 0.001
            else f"{chance.randint(1, 28):02}/{chance.randint(1, 12):02}/{year}")


def lines(count, commune="69123", kind="LP", seed=1):
    """The file line by line, header first."""
    chance = random.Random(seed)
    yield _line(HEADERS)
    for number in range(count):
        yield _line(cells(person(chance), number, commune, kind))


def cells(person, number=0, commune="69123", kind="LP"):
    """The 27 cells of one elector."""
    station = number // 900 + 1
    return (commune, f"Commune {commune}", KIND[kind], person["birth_name"], person["used_name"],
            person["first_names"], person["sex"], person["birth_date"], "69123", "Lyon", "69", "FRANCE", "Française",
            str(number % 180 + 1), "rue des Essais", "", "", "", "69001", "LYON", "FRANCE", f"{station:04}",
            f"École n° {station}", "01", "Canton 1", "", str(number % 900 + 1))


def _line(cells):
    """All but the last quoted, empty ones nothing, as the REU writes."""
    quoted = (f'"{cell}"' if cell else "" for cell in cells[:-1])
    return ";".join((*quoted, cells[-1])) + "\n"


def write(path, count, **columns):
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.writelines(lines(count, **columns))


def main():
    options = _options()
    write(options.file, options.lines)
    print(f"{options.lines} lines, {Path(options.file).stat().st_size / 1e6:.1f} MB in {options.file}")
    if options.measure:
        with tempfile.TemporaryDirectory() as folder:
            _measure(options.file, options.database_url or f"sqlite:///{Path(folder) / 'bench.db'}")


def _options():
    parser = argparse.ArgumentParser("python -m benchmarks.roll", description=__doc__.partition("\n")[0])
    parser.add_argument("file")
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--measure", action="store_true", help="import it into an empty database")
    parser.add_argument("--database-url", help="an empty PostgreSQL database; a SQLite file of its own by default")
    return parser.parse_args()


def _measure(path, url):
    settings.use(settings.Settings(database_url=url, secret_key="s" * 64, journal_key="j" * 64))
    open_database(url)
    migrations().up()
    commune = Commune.create(code="69123", name="Lyon", departement="69")
    for name, act in (("dry run", lambda: roll_import.check_file(commune, path)),
                      ("import", lambda: roll_import.import_file(commune, path, CLOCK))):
        started, computed = time.perf_counter(), time.process_time()
        report = act()
        print(f"{name:8} {time.perf_counter() - started:5.1f} s ({time.process_time() - computed:.1f} s of CPU here),"
              f" {sum(report['electors'].values())} electors,"
              f" peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
