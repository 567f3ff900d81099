"""The usual checks of an established file, as verdicts: pure functions of facts."""
import datetime
from types import SimpleNamespace

import pytest

from models import UTC, Commune, Elector, Rules, Tour
from portal import checks
from portal.checks import KO, NOT_APPLICABLE, OK, TO_VERIFY, Facts, OnTour, Search, Verdict
from portal.fields import is_adult
from portal.rolls import Match

DAY = datetime.date
FIRST_ROUND, SECOND_ROUND = DAY(2027, 3, 14), DAY(2027, 3, 21)
NOON = datetime.datetime(2027, 2, 1, 12, tzinfo=UTC)
EXACT, NEAR = Match(Elector(station="0012", station_label="École Ferry"), True), Match(Elector(station="0003"), False)


def a_file(born="1975-11-02", until=FIRST_ROUND, officer=None, same=False, at=NOON, registered_in="69123", **columns):
    mandant, mandataire = (SimpleNamespace(key=key, birth_date=born, commune_id=registered_in)
                           for key in ("A", "A" if same else "B"))
    return SimpleNamespace(**{
        "mandant": mandant, "mandataire": mandataire, "valid_until": until, "officer": officer, "status": "etablie",
        "commune": Commune(code="69123", zone="Europe/Paris"), "commune_id": "69123", "abroad": False,
        "certified": None, "authority": "", "authority_place": "", "established_at": at, **columns})


def on(number=1, day=FIRST_ROUND, place=1, rules=None, **more):
    return OnTour(Tour(id=number, number=number), day, Rules(**(rules or {})), place, **more)


def facts(file=None, *tours, mandant=(EXACT,), mandataire=(EXACT,)):
    looked = [Search((list(found),) if found else (), ("LP",), "Lyon (69)", 1, True) for found in (mandant, mandataire)]
    return Facts(file or a_file(), DAY(2027, 2, 10), list(tours) or [on()], *looked)


def said(verdict):
    """The verdict, and why where it says so."""
    return verdict.verdict, verdict.evidence.get("why")


# --- The people -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("born, verdict", [
    ("2009-03-13", OK), ("2009-03-14", KO), ("1975-11-02", OK), ("2012-01-01", KO), ("2009-03-00", TO_VERIFY),
    ("2009-02-00", OK), ("2009-04-00", KO), ("2009-00-00", TO_VERIFY), ("2008-00-00", OK), ("2010-00-00", KO)])
def test_the_mandataire_is_18_on_the_eve_of_the_poll_L2(born, verdict):
    assert checks.of_age(facts(a_file(born))).verdict == verdict


@pytest.mark.parametrize("born, verdict", [("2009-03-13", OK), ("2009-03-20", TO_VERIFY), ("2009-03-21", KO)])
def test_who_turns_18_between_two_tours_is_looked_at_L2(born, verdict):
    assert checks.of_age(facts(a_file(born), on(), on(2, SECOND_ROUND))).verdict == verdict


@pytest.mark.parametrize("born, day, verdict", [
    ("2008-02-29", DAY(2026, 3, 1), OK), ("2008-03-01", DAY(2026, 3, 1), KO), ("2008-02-29", DAY(2026, 2, 28), KO),
    ("2010-02-28", DAY(2028, 2, 29), OK), ("2010-03-01", DAY(2028, 2, 29), KO), ("2010-02-28", DAY(2028, 2, 28), KO)])
def test_who_was_born_on_29_february_is_18_on_the_28th_as_the_form_says_L2(born, day, verdict):
    assert checks.of_age(facts(a_file(born), on(day=day))).verdict == verdict
    assert is_adult(born, day - datetime.timedelta(days=1)) == (verdict == OK)


def test_a_period_without_a_poll_asks_for_18_at_its_end_L2():
    without = Facts(a_file("2009-03-13"), DAY(2027, 2, 10))
    assert checks.of_age(without).verdict == OK


def test_nobody_is_their_own_mandataire_L71():
    assert [checks.somebody_else(facts(a_file(same=same))).verdict for same in (False, True)] == [OK, KO]


# --- The act --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("until, abroad, verdict", [
    (DAY(2028, 2, 1), False, OK), (DAY(2028, 2, 2), False, KO), (DAY(2028, 2, 2), True, OK),
    (DAY(2030, 2, 1), True, OK), (DAY(2030, 2, 2), True, KO), (DAY(2027, 1, 31), False, KO)])
def test_a_period_of_more_than_a_year_or_three_from_abroad_is_against_R74(until, abroad, verdict):
    assert checks.period(facts(a_file(until=until, abroad=abroad))).verdict == verdict


@pytest.mark.parametrize("until, verdict", [(DAY(2029, 2, 28), OK), (DAY(2029, 3, 1), KO)])
def test_a_year_from_29_february_ends_on_28_february_R74(until, verdict):
    signed = datetime.datetime(2028, 2, 29, 12, tzinfo=UTC)
    assert checks.period(facts(a_file(until=until, at=signed))).verdict == verdict


def test_the_day_of_the_act_is_that_of_the_town_R74():
    late = datetime.datetime(2027, 2, 1, 23, 30, tzinfo=UTC)       # already the 2nd in Paris
    assert checks.period(facts(a_file(until=DAY(2028, 2, 2), at=late))).verdict == OK


@pytest.mark.parametrize("begin, end, verdict", [
    (None, None, OK), (DAY(2027, 2, 1), DAY(2027, 2, 1), OK), (DAY(2027, 2, 2), None, KO),
    (None, DAY(2027, 1, 31), KO)])
def test_an_officer_is_habilitated_on_the_day_R72_1(begin, end, verdict):
    officer = SimpleNamespace(habilitated_from=begin, habilitated_until=end)
    assert checks.authority(facts(a_file(officer=officer))).verdict == verdict


@pytest.mark.parametrize("columns, answer", [
    ({"authority": "Me Roux, juge", "authority_place": "Lyon"}, (OK, "paper")),
    ({"authority": "Me Roux, juge"}, (TO_VERIFY, "paper")), ({"authority_place": "Lyon"}, (TO_VERIFY, "paper")),
    ({"authority": "Me Roux, juge", "authority_place": "Lyon", "at": datetime.datetime(2027, 2, 11, 9, tzinfo=UTC)},
     (KO, "future")),
    ({"certified": {"acr": "eidas3"}}, (NOT_APPLICABLE, "certified"))])
def test_an_authority_on_paper_is_named_and_signs_no_day_to_come_R72_1(columns, answer):
    assert said(checks.authority(facts(a_file(**columns)))) == answer


# --- The rolls ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("found, answer", [
    ((EXACT,), (OK, "found")), ((), (KO, "none")), ((NEAR,), (TO_VERIFY, "near")),
    ((EXACT, EXACT), (TO_VERIFY, "several")), ((EXACT, NEAR), (TO_VERIFY, "several")),
    ((EXACT._replace(nne=True), EXACT), (OK, "found")),
    ((NEAR._replace(nne=True),), (TO_VERIFY, "near")), ((NEAR._replace(nne=False),), (TO_VERIFY, "other_number"))])
def test_one_candidate_on_the_roll_is_certain_and_no_other_number_L72(found, answer):
    assert said(checks.mandant_listed(facts(mandant=found))) == answer
    assert said(checks.mandataire_listed(facts(mandataire=found))) == answer


@pytest.mark.parametrize("search, why", [(Search(where="Lyon (69)"), "no_roll"), (Search(looked=1), "not_found")])
def test_who_is_on_no_roll_that_is_whole_and_recent_is_to_be_looked_at_L72(search, why):
    assert checks.listed(search) == (TO_VERIFY, {"where": search.where, "why": why})


@pytest.mark.parametrize("kinds, lists, verdict", [
    (("LP",), ["LP", "LP LCM"], OK), (("LCM",), ["LP LCM"], OK), (("LCM",), ["LP", "LP LCM"], TO_VERIFY),
    (("LCM", "LCE"), ["LP LCM", "LP LCE"], OK), (("LCM",), ["LP LCE"], TO_VERIFY)])
def test_a_complementary_list_votes_where_it_may_only_L72(kinds, lists, verdict):
    assert checks.listed(Search(tuple([EXACT] for _ in kinds), kinds, "Lyon (69)", 2, True), lists)[0] == verdict


def test_what_is_kept_of_the_roll_is_the_polling_station_and_no_name():
    assert checks.mandant_listed(facts()).evidence == {
        "where": "Lyon (69)", "why": "found", "station": "0012, École Ferry"}


@pytest.mark.parametrize("same, registered_in, listed, verdict", [
    (False, "75056", (), NOT_APPLICABLE), (True, "69123", (), OK), (True, "75056", (EXACT,), KO),
    (True, None, (EXACT,), OK), (True, None, (), TO_VERIFY)])
def test_both_vote_in_one_commune_in_2021_and_nouvelle_caledonie_L72(same, registered_in, listed, verdict):
    known = facts(a_file(registered_in=registered_in), on(rules={"same_commune": same}), mandataire=listed)
    assert checks.same_commune(known).verdict == verdict


# --- The places -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("tour, sole, held", [
    (on(), (OK, None), (OK, None)),
    (on(place=None), (OK, None), (KO, None)),
    (on(place=None, free=True), (OK, None), (TO_VERIFY, "free")),
    (on(place=None, given=True), (KO, None), (NOT_APPLICABLE, None)),
    (on(place=None, given=True, tied=("mandant",)), (TO_VERIFY, "tied"), (NOT_APPLICABLE, None)),
    (on(tied=("mandant",)), (TO_VERIFY, "tied"), (OK, None)),
    (on(tied=("mandataire",)), (OK, None), (TO_VERIFY, "tied")),
    (on(place=None, tied=("mandataire",)), (OK, None), (TO_VERIFY, "tied"))])
def test_a_tour_has_one_act_and_its_place_L73(tour, sole, held):
    known = facts(None, tour)
    assert (said(checks.sole_act(known, tour)), said(checks.place(known, tour))) == (sole, held)


def test_what_lives_no_more_holds_no_place_L73():
    known = facts(a_file(status="invalidee"), on(place=None))
    assert {checks.sole_act(known, on()).verdict, checks.place(known, on()).verdict} == {NOT_APPLICABLE}


# --- All of them ----------------------------------------------------------------------------------------------------

def test_each_check_is_named_once_a_file_or_once_a_tour():
    verdicts = checks.usual(facts(None, on(), on(2, SECOND_ROUND)))
    assert [one.check for one in verdicts] == [
        "mandant_listed", "mandataire_listed", "same_commune", "somebody_else", "of_age", "period", "authority",
        *("sole_act", "place") * 2]


FINE, LOST = Verdict("place", OK), Verdict("place", KO)


@pytest.mark.parametrize("found, answer", [
    ([FINE], ("valider", None)),
    ([FINE, Verdict("of_age", NOT_APPLICABLE)], ("valider", None)),
    ([FINE, LOST], ("valider", None)),                                  # for the other tour only
    ([LOST, LOST], ("invalider", "plafond_atteint")),
    ([LOST, Verdict("period", TO_VERIFY)], None),
    ([Verdict("sole_act", KO)], ("invalider", "acte_anterieur")),
    ([FINE, Verdict("authority", TO_VERIFY)], None),
    ([FINE, Verdict("place", TO_VERIFY)], None),
    ([FINE, Verdict("mandant_listed", KO)], ("invalider", "mandant_non_inscrit")),
    ([Verdict("mandataire_listed", KO), Verdict("period", TO_VERIFY)], ("invalider", "mandataire_non_inscrit")),
    ([FINE, Verdict("same_commune", KO)], ("invalider", "autre_commune")),
    ([FINE, Verdict("period", KO)], ("invalider", "duree_illegale")),
    ([FINE, Verdict("authority", KO)], ("invalider", "autorite_non_habilitee")),
    ([FINE, Verdict("somebody_else", KO)], None), ([FINE, Verdict("of_age", KO)], None),    # no closed reason says it
    ([Verdict("period", OK)], None)])                                   # nothing to vote for yet
def test_only_what_is_certain_is_proposed(found, answer):
    assert checks.proposed(found) == answer


@pytest.mark.parametrize("found, verdict", [((OK, NOT_APPLICABLE), OK), ((OK, TO_VERIFY), TO_VERIFY),
                                            ((TO_VERIFY, KO, OK), KO), ((NOT_APPLICABLE,), NOT_APPLICABLE)])
def test_the_gravest_verdict_is_that_of_the_file(found, verdict):
    assert checks.gravest([Verdict("period", one) for one in found]) == verdict
