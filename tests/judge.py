"""A slow, obvious judge of who is on a roll: it reads each line of the same year of birth, which every line says,
compares words, and uses no key, index or service.

`judged` makes a roll, asks both about the same people, and fails where they differ.
"""
import random
import unicodedata
from collections import defaultdict
from types import SimpleNamespace

from models import Elector, Roll, now
from portal import checks, rolls, verdicts
from tests.factories import a_commune

SYLLABLES = ("ma", "ri", "lou", "dé", "ber", "tin", "d’", "saint-", "lan", "gué", "œu", "per", "ni", "col", "ar")
FIRST = ("Marie", "Jean", "Jean-Pierre", "Anne", "Zoé", "Léa", "Éric", "Noël", "Inès", "Luc")
BATCH = 1000


def judged(requests, lines):
    chance = random.Random(lines)
    commune, people = a_commune(), [a_person(chance) for _ in range(lines)]
    people += [dict(chance.choice(people)) for _ in range(lines // 20)]             # homonyms born on one day
    roll = Roll.create(commune=commune, kind="LP", state="current", fingerprint="0" * 64, lines=len(people),
                       current_since=now())
    for start in range(0, len(people), BATCH):
        Elector.insert_many([line(roll, person) for person in people[start:start + BATCH]]).execute()
    asked = [SimpleNamespace(**somebody(chance, people)) for _ in range(requests)]
    born_in = defaultdict(list)
    for one in people:
        born_in[one["birth_date"][:4]].append((plain(one), one))
    answers = [checks.listed(verdicts.search(commune, person, {"LP"}), ["LP"]) for person in asked]
    found = [(verdict, evidence["why"]) for verdict, evidence in answers]
    expected = [judge(plain(vars(person)), person, born_in[person.birth_date[:4]]) for person in asked]
    assert found == expected
    assert len(set(expected)) >= 4, "too few kinds of cases to prove anything"


def a_person(chance):
    date = f"{chance.randint(1940, 1999)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
    return {"birth_name": a_name(chance), "used_name": a_name(chance) if chance.random() < .2 else None,
            "first_names": ", ".join(chance.sample(FIRST, chance.randint(1, 3))), "sex": chance.choice("FM"),
            "birth_date": vague(chance, date), "nne": None}


def a_name(chance):
    return "".join(chance.choices(SYLLABLES, k=3)).strip("-’").capitalize() + "x"


def vague(chance, date):
    return chance.choices((date, date[:8] + "00", date[:5] + "00-00"), (90, 5, 5))[0]


def line(roll, person):
    used = person["used_name"]
    keys = {column: name and rolls.key_of(name, person["first_names"])
            for column, name in (("key", person["birth_name"]), ("used_key", used))}
    return {**person, **keys, "roll": roll.id, "station": "0001"}


def somebody(chance, people):
    """One of the roll, as people write them: as they are, in other letters, with a fault, or somebody else."""
    person = dict(chance.choice(people))
    change = chance.choice((dict, shouting, shortened, by_used_name, vaguely, misspelt, born_later, unknown))
    return {**person, **change(person)}


def shouting(person):
    return {"birth_name": person["birth_name"].upper().replace("É", "E").replace("-", " "),
            "first_names": person["first_names"].upper().replace(",", "")}


def shortened(person):
    return {"first_names": person["first_names"].split(",")[0]}


def by_used_name(person):
    return {"birth_name": person["used_name"] or person["birth_name"], "used_name": None}


def vaguely(person):
    return {"birth_date": person["birth_date"][:5] + "00-00"}


def misspelt(person):
    return {"birth_name": person["birth_name"] + "z"}


def born_later(person):
    return {"birth_date": "2001" + person["birth_date"][4:]}


def unknown(person):
    return {"birth_name": "Nemo"}


# --- The judge ------------------------------------------------------------------------------------------------------

def judge(wanted, person, electors):
    """(verdict, why): reads all of `electors`."""
    found = [match for names, elector in electors
             if (match := compared(wanted, person.birth_date, names, elector["birth_date"]))]
    if not found:
        return "ko", "none"
    if len(found) > 1:
        return "to_verify", "several"
    return ("ok", "found") if found == ["exact"] else ("to_verify", "near")


def plain(person):
    """Birth name, used name and first names as bare letters: all, the first one, and what they may begin with."""
    return letters(person["birth_name"]), letters(person["used_name"] or ""), person_first_names(person["first_names"])


def person_first_names(text):
    """Jean-Pierre, Marie is called Jean, Jean-Pierre or Jean Pierre Marie: a hyphen is often left out."""
    words = text.replace(",", " ").replace("-", " ").split()
    beginnings = {letters("".join(words[:count])) for count in range(1, len(words) + 1)}
    return letters(text), letters(text.replace(",", " ").split(" ")[0]), beginnings


def letters(text):
    text = unicodedata.normalize("NFKD", text.lower().replace("œ", "oe"))
    return "".join(character for character in text if "a" <= character <= "z")


def compared(wanted, born, elector, registered):
    """"exact", "near" or None."""
    (name, used, (all_first, first, _)), (its_name, its_used, (its_all, _, its_beginnings)) = wanted, elector
    if not same_date(born, registered):
        return None
    if name == its_name and all_first == its_all and born == registered:
        return "exact"
    shares_a_name = ({name, used} & {its_name, its_used}) - {""}
    return "near" if shares_a_name and first in its_beginnings else None


def same_date(one, other):
    """Each says nothing where it has 00."""
    return all(here == there or "00" in (here, there) for here, there in zip(one.split("-"), other.split("-")))
