"""The law at three moments: June 2021, today (2022), Nouvelle-Calédonie within the same présidentielle. Real cases."""
import pytest

from models import Rules, Status
from portal import law, scrutins
from tests.factories import a_commune, a_mandataire, a_procuration, a_scrutin


@pytest.fixture
def presidentielle(db):
    """Under the law of today; Nouvelle-Calédonie has its own (arrêté du 31 mars 2021)."""
    scrutin = a_scrutin()
    Rules.create(scrutin=scrutin, territory="FR", **law.RULE_SETS["2022"])
    Rules.create(scrutin=scrutin, territory="988", **law.RULE_SETS["nouvelle_caledonie"])
    return scrutin


@pytest.fixture
def regionales(db):
    """June 2021: départementales and régionales, held together."""
    scrutin = a_scrutin()
    Rules.create(scrutin=scrutin, territory="FR", **law.RULE_SETS["2021"])
    return scrutin


def acts(scrutin, count, **columns):
    """Establish `count` procurations for one mandataire: how many hold a place on each tour."""
    mandataire = a_mandataire()
    files = [a_procuration(Status.ETABLIE, scrutin=scrutin, mandataire=mandataire, **columns) for _ in range(count)]
    return [[row.place is not None for row in file.couvertures] for file in files]


def test_june_2021_gives_a_mandataire_two_places_established_in_france_L73(regionales):
    assert acts(regionales, 3) == [[True, True], [True, True], [False, False]]


def test_2022_gives_a_mandataire_one_place_established_in_france_L73(presidentielle):
    assert acts(presidentielle, 2) == [[True, True], [False, False]]


def test_nouvelle_caledonie_has_its_own_rules_within_the_same_scrutin_L73(presidentielle):
    noumea, lyon = (scrutins.rules(presidentielle, a_commune(code)) for code in ("98818", "69123"))
    assert (noumea.same_commune, lyon.same_commune) == (True, False)
    assert acts(presidentielle, 2, commune=a_commune("98818")) == [[True, True], [False, False]]
