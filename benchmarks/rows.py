"""Many files at once, written straight into the tables: what a large commune holds on the Saturday before a poll."""
import datetime
import random

from models import (Couverture, Mot, Passage, Personne, Procuration, Reference, Role, Status, TourVise, Voter, database,
                    now)
from portal import names

BATCH = 2000
SYLLABLES = ("ma", "ri", "lou", "dé", "ber", "tin", "cha", "vo", "lan", "gué", "sou", "per", "ni", "col", "ar")
STATES = (Status.ETABLIE,) * 6 + (Status.VALIDEE,) * 12 + (Status.INVALIDEE,) * 2


def fill(rows, commune, tours, officer):
    """Add `rows` established files of `commune`, each on all `tours`. Deterministic but for its instants."""
    chance = random.Random(rows)
    for start in range(0, rows, BATCH):
        with database.atomic():
            _write([_file(chance, start + step) for step in range(min(BATCH, rows - start))], commune, tours, officer)


def _name(chance):
    return "".join(chance.choices(SYLLABLES, k=3)).capitalize()


def _file(chance, number):
    people = [{"birth_name": _name(chance), "first_names": _name(chance), "sex": chance.choice("FM"),
               "birth_date": f"{chance.randint(1940, 2005)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"}
              for _ in range(2)]
    for person in people:
        person["key"] = names.person_key(person["birth_name"], person["first_names"], person["birth_date"])
    at = now() - datetime.timedelta(seconds=chance.randint(1, 20 * 86400))
    return {"number": number, "people": people, "at": at, "status": chance.choice(STATES)}


def _write(files, commune, tours, officer):
    first_voter = _ids(Voter, [{**file["people"][0], "issuer": "bench", "sub": f"bench-{file['number']}",
                                "seen_at": file["at"]} for file in files])
    first = _ids(Procuration, [{
        "commune": commune, "voter": first_voter + step, "status": file["status"], "version": 1,
        "scrutin": tours[0].scrutin, "valid_until": tours[-1].day, "email": "mandant@exemple.fr",
        "filing_key": f"bench-{file['number']}", "filed_at": file["at"], "lapses_at": file["at"],
        "established_at": file["at"], "officer": officer, "authority": officer.name, "authority_place": officer.place}
        for step, file in enumerate(files)])
    numbered = [(first + step, file) for step, file in enumerate(files)]
    _many(Personne, [{**person, "procuration": key, "role": role} for key, file in numbered
                     for role, person in zip(Personne.ROLES, file["people"])])
    _many(TourVise, [{"procuration": key, "tour": tour} for key, _ in numbered for tour in tours])
    _many(Couverture, [{"procuration": key, "tour": tour, "mandant_key": f"{key}", "mandataire_key": f"{key}",
                        "place": 1} for key, file in numbered for tour in tours if file["status"] != "invalidee"])
    _many(Reference, [{"code": _code(file["number"]), "procuration": key, "kind": "etablir", "used_at": file["at"]}
                      for key, file in numbered])
    _many(Passage, [{"procuration": key, "act": act, "status": status, "version": version, "role": Role.OFFICER,
                     "at": file["at"]} for key, file in numbered
                    for version, (act, status) in enumerate((("deposer", "deposee"), ("etablir", "etablie")))])
    _many(Mot, [{"commune": commune, "word": word, "procuration": key} for key, file in numbered
                for word in names.words(*(person[part] for person in file["people"]
                                          for part in ("birth_name", "first_names")))])


def _ids(model, rows):
    """Insert `rows` and give the id of the first: they follow one another in one writer's hands."""
    before = model.select(model.id).order_by(model.id.desc()).limit(1).scalar() or 0
    _many(model, rows)
    first = model.select(model.id).where(model.id > before).order_by(model.id).limit(1).scalar()
    return first


def _many(model, rows):
    for start in range(0, len(rows), 1000):
        model.insert_many(rows[start:start + 1000]).execute()


def _code(number):
    code = ""
    for _ in range(6):
        number, digit = divmod(number, len(Reference.ALPHABET))
        code += Reference.ALPHABET[digit]
    return code
