"""Names of people: what is accepted, and what counts as the same."""
import time

import pytest

from portal import names, references


@pytest.mark.parametrize("name", [
    "O", "D’Artagnan", "de La Tour-d'Auvergne", "Łukasz", "Nguyễn", "Œuvré", "Anne-Sophie",
    "M’Ba 2", "x" * 100, "St. Jean", "J.-P.", "J. P.", "J.P.", "Dupont (Martin), dit Le Grand"])
def test_hard_names_are_accepted(name):
    assert names.fault(names.tidy(name)) is None


@pytest.mark.parametrize("name, fault", [
    ("x" * 101, "too_long"), ("Иванов", "characters"), ("Dur\u0430nd", "characters"), ("a\u202eb", "characters"),
    ("Gagnez sur evil.com/x", "site"), ("evil.com", "site"), ("t.me", "site"), ("WWW.evil", "site"), ("a/b", "site"),
    ("http://x", "site"), ("Jean@exemple", "site"), ("St.Jean", "site"), ("évil.рф", "site"), ("a\\b", "site"),
    ("a\x00b", "characters"), ("<b>", "characters"), ("=1+1", "characters"), ("-- '", "no_letter"), ("", "no_letter")])
def test_what_cannot_be_a_name_is_told_why(name, fault):
    assert names.fault(name) == fault


@pytest.mark.parametrize("one, other", [
    ("DE LA TOUR", "de Latour"), ("Lefèvre", "LEFEVRE"), ("Œdipe", "OEDIPE"), ("D’ARC", "d'arc"),
    ("Anne-Marie", "ANNE MARIE"), ("Straße", "STRASSE")])
def test_two_spellings_of_one_name_have_one_key(one, other):
    assert names.person_key(one, "Zoé", "1980-01-01") == names.person_key(other, "ZOE", "1980-01-01")


@pytest.mark.parametrize("read", [names.tidy, names.fold])
def test_a_letter_under_a_mountain_of_accents_keeps_nobody_waiting(read):
    begun = time.process_time()
    assert len(read("a" + "\u0301\u0316" * 20_000)) < 2 * names.LONGEST_READ
    assert time.process_time() - begun < 1


def test_twins_have_two_keys():
    assert names.person_key("Petit", "Jean Paul", "1980-01-01") != names.person_key("Petit", "Jean Luc", "1980-01-01")


def test_every_word_of_a_name_can_be_searched():
    assert names.words("De La Tour-d’Auvergne", None, "Zoé") == {"DE", "LA", "TOUR", "D", "AUVERGNE", "ZOE"}


@pytest.mark.parametrize("typed", ["BCD FGH", "bcdfgh", " bcd-fgh ", "B C D F G H", "ｂｃｄｆｇｈ", "bcd\u00a0fgh\n"])
def test_a_reference_is_read_however_it_is_typed(typed):
    assert references.read(typed) == "BCDFGH"


@pytest.mark.parametrize("typed", ["", "BCDFG", "BCDFGHJ", "BCDFG0", "ABCDEF", "BCDFG%", "x" * 10_000, "BCDFG\x00"])
def test_what_cannot_be_a_reference_is_none(typed):
    assert references.read(typed) is None


def test_ligatures_do_not_outgrow_the_key():
    assert names.fault("ﬃ" * 100) == "too_long"
    longest = "œ" * 50
    assert names.fault(longest) is None
    assert len(names.person_key(longest, longest, "1980-05-17")) <= 600
