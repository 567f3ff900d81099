"""Electoral rolls: their files, their replacement as a whole, and who is found on them."""
from types import SimpleNamespace

import pytest

from models import Elector, Roll
from portal import rolls
from tests.factories import a_commune
from tests.statements import count_statements


def a_roll(commune=None, kind="LP", state="current"):
    return Roll.create(commune=commune or a_commune(), kind=kind, state=state, fingerprint="0" * 64)


def an_elector(roll, birth_name="DURAND", first_names="Camille Andrée", birth_date="1980-05-04", **columns):
    used = columns.get("used_name")
    return Elector.create(**{"roll": roll, "birth_name": birth_name, "first_names": first_names, "sex": "F",
                             "birth_date": birth_date, "key": rolls.key_of(birth_name, first_names), "station": "0012",
                             "used_key": used and rolls.key_of(used, first_names), **columns})


def somebody(birth_name="Durand", first_names="Camille Andrée", birth_date="1980-05-04", **more):
    return SimpleNamespace(birth_name=birth_name, first_names=first_names, birth_date=birth_date, **more)


def found(commune, person, lists="LP"):
    """How each candidate matches: exact or near."""
    return ["exact" if match.exact else "near" for match in rolls.candidates(commune, person, lists)]


# --- Who is on a roll -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("person, answer", [
    (somebody(), ["exact"]),
    (somebody("DURAND", "CAMILLE, ANDREE"), ["exact"]),
    (somebody(first_names="Camille"), ["near"]),
    (somebody(first_names="Camil"), []),
    (somebody(first_names="Andrée Camille"), []),
    (somebody(birth_date="1980-00-00"), ["exact"]),
    (somebody(birth_date="1980-05-00"), ["exact"]),
    (somebody(birth_date="1980-06-00"), []),
    (somebody(birth_date="1980-05-05"), []),
    (somebody("Martin", "Camille"), ["near"]),
    (somebody("Bernard", used_name="Martin"), ["near"]),
    (somebody("Duran"), []),
    (somebody(nne="123456789"), ["exact"]),
    (somebody(nne="987654321"), ["near"]),
    (somebody(first_names=""), []),
])
def test_a_person_is_found_by_what_is_known_of_them(db, person, answer):
    an_elector(a_roll(), used_name="MARTIN", nne="123456789")
    assert found(a_commune(), person) == answer


@pytest.mark.parametrize("written", ["1953-00-00", "1953-07-00", "1953-07-14"])
def test_a_birth_date_known_in_part_agrees_with_what_it_says(db, written):
    an_elector(a_roll(), birth_date=written)
    assert found(a_commune(), somebody(birth_date="1953-07-14")) == ["exact"]


def test_a_birth_date_nobody_could_read_is_never_exact(db):
    an_elector(a_roll(), birth_date=rolls.UNKNOWN)
    assert found(a_commune(), somebody()) == ["near"]


def test_homonyms_born_the_same_day_are_both_told(db):
    roll = a_roll()
    an_elector(roll), an_elector(roll)
    assert found(a_commune(), somebody()) == ["exact", "exact"]


def test_a_compound_first_name_is_found_with_or_without_its_hyphen(db):
    an_elector(a_roll(), first_names="Jean Pierre Marie")
    assert found(a_commune(), somebody(first_names="Jean-Pierre Marie")) == ["exact"]
    assert found(a_commune(), somebody(first_names="Jean-Pierre")) == ["near"]


def test_only_current_rolls_of_the_commune_and_of_the_lists_asked_for_are_read(db):
    for roll in (a_roll(a_commune("75056")), a_roll(state="draft"), a_roll(state="former"), a_roll(kind="LCM")):
        an_elector(roll)
    assert found(a_commune(), somebody()) == []
    assert found(a_commune(), somebody(), "LP LCM") == ["exact"]
    assert found(a_commune(), somebody(), ("LCM",)) == ["exact"]


def test_without_a_commune_exact_names_are_looked_for_on_every_roll(db):
    an_elector(a_roll(a_commune("75056"))), an_elector(a_roll())
    assert found(None, somebody()) == ["exact", "exact"]
    assert found(None, somebody(first_names="Camille")) == []


def test_two_statements_find_a_person_and_one_the_rolls(db):
    an_elector(a_roll())
    with count_statements() as statements:
        rolls.candidates(a_commune(), somebody(used_name="Martin"), "LP LCE")
    assert len(statements) == 2 + 1     # a_commune() is one
    with count_statements() as statements:
        assert set(rolls.current("69123")) == {"LP"}
    assert len(statements) == 1
