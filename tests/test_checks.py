"""The usual checks of an established file, as verdicts."""
import datetime
from types import SimpleNamespace

import pytest

from models import UTC, Commune
from portal import checks
from portal.checks import KO, OK, TO_VERIFY

DAY = datetime.date
FIRST_ROUND = DAY(2027, 3, 14)


def a_file(born="1975-11-02", until=FIRST_ROUND, officer=None, same=False, at=None):
    mandant, mandataire = (SimpleNamespace(key=key, birth_date=born) for key in ("A", "A" if same else "B"))
    return SimpleNamespace(mandant=mandant, mandataire=mandataire, valid_until=until, officer=officer,
                           commune=Commune(zone="Europe/Paris"), abroad=False,
                           established_at=at or datetime.datetime(2027, 2, 1, 12, tzinfo=UTC))


@pytest.mark.parametrize("born, verdict", [
    ("2009-03-13", OK), ("2009-03-14", KO), ("1975-11-02", OK), ("2012-01-01", KO), ("2009-03-00", TO_VERIFY),
    ("2009-02-00", OK), ("2009-04-00", KO), ("2009-00-00", TO_VERIFY), ("2008-00-00", OK), ("2010-00-00", KO)])
def test_the_mandataire_is_18_on_the_eve_of_the_poll(born, verdict):
    assert checks.of_age(a_file(born), [FIRST_ROUND]) == verdict


def test_a_period_without_a_poll_asks_for_18_at_its_end():
    assert checks.of_age(a_file("2009-03-13"), []) == OK


@pytest.mark.parametrize("until, verdict", [(DAY(2028, 2, 1), OK), (DAY(2028, 2, 2), KO)])
def test_a_period_of_more_than_a_year_is_against_R74(until, verdict):
    assert checks.period(a_file(until=until)) == verdict


def test_the_day_of_the_act_is_that_of_the_town():
    late = datetime.datetime(2027, 2, 1, 23, 30, tzinfo=UTC)       # already the 2nd in Paris
    assert checks.period(a_file(until=DAY(2028, 2, 2), at=late)) == OK


def test_nobody_is_their_own_mandataire():
    assert (checks.somebody_else(a_file()), checks.somebody_else(a_file(same=True))) == (OK, KO)


@pytest.mark.parametrize("begin, end, verdict", [
    (None, None, OK), (DAY(2027, 2, 1), DAY(2027, 2, 1), OK), (DAY(2027, 2, 2), None, KO),
    (None, DAY(2027, 1, 31), KO)])
def test_an_officer_is_habilitated_on_the_day(begin, end, verdict):
    officer = SimpleNamespace(habilitated_from=begin, habilitated_until=end)
    assert checks.authority(a_file(officer=officer)) == verdict


def test_an_authority_on_paper_is_to_be_looked_at():
    assert checks.authority(a_file()) == TO_VERIFY


def test_the_rolls_are_always_to_be_looked_at_and_each_check_is_named_once():
    verdicts = checks.usual(a_file(), [FIRST_ROUND])
    assert verdicts[0] == ("rolls", TO_VERIFY)
    assert len({name for name, _ in verdicts}) == len(verdicts) == 5
