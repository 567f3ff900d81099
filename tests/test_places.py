"""Places in the order of the acts (L. 73): who takes one, who loses one, to whom one is shown; all of it by a judge.
"""
import datetime
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies

from models import Couverture, Procuration, Role, Rules, Status, Tour, TourDay, now
from portal import places, procedure, scrutins
from portal.errors import AlreadyDecided, NothingChanged, NotYours, PlaceGone, PlacesMoved, PollOver
from tests.factories import (a_commune, a_procuration, a_scrutin, a_voter, an_acte, an_agent, an_officer, fresh,
                             somebody)
from tests.judge_of_places import Act, Judge

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def town(db):
    """An agent of Lyon with a scrutin, a mandataire, and paper acts by how many hours ago they were established."""
    return Town()


class Town:
    def __init__(self, **rules):
        self.scrutin, self.mandataire, self.agent = a_scrutin(), somebody(commune=a_commune()), an_agent()
        self.tours = list(self.scrutin.tours.order_by(Tour.number))
        if rules:
            Rules.create(scrutin=self.scrutin, **rules)

    def act(self, hours=1, agent=None, **columns):
        return procedure.saisir(self.acte(hours, **columns), agent or self.agent)

    def acte(self, hours=1, **columns):
        return an_acte(**{"scrutin": self.scrutin, "mandataire": self.mandataire,
                          "established_at": now() - hours * HOUR, **columns})


def places_of(*files):
    """The places of each file, tour after tour."""
    return [[row.place for row in file.couvertures.order_by(Couverture.tour)] for file in files]


def attention(*files):
    return [fresh(file).attention for file in files]


# --- Who takes a place, who loses it --------------------------------------------------------------------------------

def test_the_older_paper_act_takes_the_place_though_typed_later_L73(town):
    late = town.act(hours=1)
    old = town.act(hours=2)
    assert places_of(late, old) == [[None, None], [1, 1]]
    assert attention(late, old) == ["place_perdue", None]


def test_a_later_act_typed_later_stands_without_a_place_L73(town):
    old, late = town.act(hours=2), town.act(hours=1)
    assert places_of(old, late) == [[1, 1], [None, None]] and attention(old, late) == [None, None]


def test_one_in_france_and_one_abroad_L73(town):
    files = [town.act(hours=4), town.act(hours=3), town.act(hours=2, abroad=True), town.act(hours=1, abroad=True)]
    assert places_of(*files) == [[1, 1], [None, None], [2, 2], [None, None]]


def test_two_abroad_fill_what_one_in_france_would_have_L73(town):
    files = [town.act(hours=3, abroad=True), town.act(hours=2, abroad=True), town.act(hours=1)]
    assert places_of(*files) == [[1, 1], [2, 2], [None, None]]


def test_an_older_act_in_france_moves_the_one_in_france_out_not_the_one_abroad_L73(town):
    abroad, in_france, older = town.act(hours=2, abroad=True), town.act(hours=3), town.act(hours=4)
    assert places_of(abroad, in_france, older) == [[1, 1], [None, None], [2, 2]]


def test_two_established_in_france_in_2021_L73_2021(db):
    town = Town(places_france=2)
    assert places_of(*(town.act(hours=hours) for hours in (3, 2, 1))) == [[1, 1], [2, 2], [None, None]]


def test_the_lowest_ceiling_counts_for_mandants_of_different_territories_L73_nouvelle_caledonie(db):
    town = Town(territory="988", places_france=1)
    Rules.create(scrutin=town.scrutin, places_france=2)
    there = an_agent(commune=a_commune("98818"))
    files = [town.act(hours=3), town.act(hours=2, agent=there), town.act(hours=1)]
    assert places_of(*files) == [[1, 1], [None, None], [2, 2]]


def test_a_mandant_votes_once_the_first_act_counts_L73(town):
    mandant, somebody_else = somebody(), somebody(commune=a_commune())
    late = town.act(hours=1, mandant=mandant)
    first = town.act(hours=2, mandant=mandant, mandataire=somebody_else)
    again = town.act(hours=0.5, mandant=mandant, mandataire=somebody_else)
    assert places_of(late, first, again) == [[None, None], [1, 1], [None, None]]


def test_an_act_that_holds_no_place_takes_none_from_a_later_one_of_its_mandant_L73(town):
    mandant = somebody()
    town.act(hours=3)
    void = town.act(hours=2, mandant=mandant)
    second = town.act(hours=1, mandant=mandant, mandataire=somebody(commune=a_commune()))
    assert places_of(void, second) == [[None, None], [1, 1]]


def test_who_gives_a_procuration_may_still_receive_one_L73(town):
    """Nothing in L. 72 or L. 73 forbids it, in a circle or not."""
    one, other = somebody(), somebody()
    there, back = town.act(hours=2, mandant=one, mandataire=other), town.act(hours=1, mandant=other, mandataire=one)
    assert places_of(there, back) == [[1, 1], [1, 1]]


def test_a_place_is_lost_on_the_tours_of_the_older_act_only_L73(town):
    both, second = town.act(hours=1), town.act(hours=2, tours=town.tours[1:])
    assert places_of(both, second) == [[1, None], [1]]
    procedure.valider(fresh(both), town.agent)
    assert fresh(both).attention is None and places.held(both) == town.tours[:1]


def test_an_act_without_an_hour_takes_no_place_from_one_of_its_day_L73(town):
    day = scrutins.end_of(scrutins.today(town.agent.commune) - datetime.timedelta(days=2), town.agent.commune)
    timed = town.act(established_at=day - HOUR)
    untimed, next_day = town.act(established_at=day - 5 * HOUR, timed=False), town.act(established_at=day)
    assert places_of(timed, untimed, next_day) == [[1, 1], [None, None], [None, None]]
    assert fresh(timed).established_at < fresh(untimed).established_at < fresh(next_day).established_at


def test_an_online_act_counts_with_the_paper_ones_L73(town):
    online = a_procuration(Status.ETABLIE, scrutin=town.scrutin, mandataire=town.mandataire)
    paper = town.act(hours=1)
    assert places_of(online, paper) == [[None, None], [1, 1]]
    assert fresh(online).voter and attention(online) == ["place_perdue"]


def test_an_act_of_another_commune_is_flagged_and_decided_there_only_L73(town):
    there = an_agent(commune=a_commune("75056"))
    validated = town.act(hours=1, agent=there)
    procedure.valider(fresh(validated), there)
    town.act(hours=2)
    file = fresh(validated)
    assert (file.status, file.attention) == (Status.VALIDEE, "place_perdue")
    procedure.annuler(file, there, "acte_anterieur_recu")
    assert fresh(validated).attention is None


def test_who_validates_a_file_that_just_lost_its_place_is_told_so_L73(town):
    late = fresh(town.act(hours=1))
    town.act(hours=2)
    with pytest.raises(PlacesMoved) as lost:
        procedure.valider(late, town.agent)
    assert lost.value.passage.act == "saisir" and fresh(late).status == Status.ETABLIE


# --- A place given back ---------------------------------------------------------------------------------------------

ENDS = {"annuler": lambda file, agent: procedure.annuler(file, agent, "perte_des_droits"),
        "invalider": lambda file, agent: procedure.invalider(file, agent, "mandant_non_inscrit"),
        "resilier": procedure.resilier}


@pytest.mark.parametrize("act", ENDS)
def test_a_place_given_back_is_shown_to_the_next_and_taken_when_its_commune_says_so_L73(town, act):
    first, second, third = (town.act(hours=hours) for hours in (3, 2, 1))
    ENDS[act](fresh(first), town.agent)
    assert attention(second, third) == ["place_libre", None] and places_of(second) == [[None, None]]
    assert places.offered(second) == town.tours and places.offered(third) == []
    with pytest.raises(PlaceGone):
        procedure.attribuer(fresh(third), town.agent)
    procedure.attribuer(fresh(second), town.agent)
    assert places_of(second) == [[1, 1]] and attention(second, third) == [None, None]


def test_a_new_act_may_take_the_free_place_meanwhile_L73(town):
    first, second = town.act(hours=3), town.act(hours=2)
    procedure.annuler(fresh(first), town.agent, "perte_des_droits")
    town.act(hours=1)
    assert attention(second) == [None] and not any(row.free for row in second.couvertures)
    with pytest.raises(PlaceGone):
        procedure.attribuer(fresh(second), town.agent)
    assert fresh(second).version == 0


def test_a_place_lost_is_shown_again_once_the_older_act_ended_L77(town):
    validated = town.act(hours=1)
    procedure.valider(fresh(validated), town.agent)
    older = town.act(hours=2)
    procedure.annuler(fresh(older), town.agent, "deces_du_mandataire")
    assert attention(validated) == ["place_libre"]
    procedure.reprendre(fresh(validated), town.agent)
    assert places_of(validated) == [[1, 1]] and attention(validated) == [None]


def test_who_lost_a_vote_to_an_older_act_frees_the_mandataire_for_another_L73(town):
    mandant, other = somebody(), somebody(commune=a_commune())
    moved_out, waits = town.act(hours=2, mandant=mandant), town.act(hours=1)
    town.act(hours=3, mandant=mandant, mandataire=other)
    assert attention(moved_out, waits) == ["place_perdue", "place_libre"]


def test_who_lost_a_mandataire_to_an_older_act_may_have_another_L73(town):
    mandant, other = somebody(), somebody(commune=a_commune())
    moved_out, second = town.act(hours=2, mandant=mandant), town.act(hours=1, mandant=mandant, mandataire=other)
    assert places_of(moved_out, second) == [[1, 1], [None, None]]
    town.act(hours=3)
    assert attention(moved_out, second) == ["place_perdue", "place_libre"]


def test_an_act_undone_within_15_minutes_gives_its_place_back_L73(town):
    officer = an_officer()
    online = a_procuration(Status.ETABLIE, officer=officer, scrutin=town.scrutin, mandataire=town.mandataire)
    later = a_procuration(Status.ETABLIE, scrutin=town.scrutin, mandataire=town.mandataire)
    procedure.defaire(online, officer, "erreur_de_personne")
    assert attention(later) == ["place_libre"]


def test_reopening_takes_what_is_there_and_moves_nobody_out_L73(town):
    first, second = town.act(hours=2, tours=town.tours), town.act(hours=1, tours=town.tours[:1])
    procedure.invalider(fresh(first), town.agent, "mandant_non_inscrit")
    procedure.attribuer(fresh(second), town.agent)
    assert places.offered(fresh(first)) == town.tours[1:]
    procedure.reprendre(fresh(first), town.agent)
    assert places_of(first, second) == [[None, 1], [1]]


# --- The tours of a file --------------------------------------------------------------------------------------------

def there_and_here(day):
    """A request of Fort-de-France whose second tour is on `day` there (None: not held), established once that is so;
    then an act of Lyon for the same mandataire."""
    town, there = Town(), a_commune("97209")
    request = a_procuration(scrutin=town.scrutin, commune=there, mandataire=town.mandataire)
    TourDay.create(tour=town.tours[1], territory="972", day=day(there))
    procedure.etablir(fresh(request), an_officer())
    return request, a_procuration(Status.ETABLIE, scrutin=town.scrutin, mandataire=town.mandataire), town


@pytest.mark.parametrize("day", [lambda there: None, lambda there: scrutins.today(there) - datetime.timedelta(days=1)],
                         ids=["not held", "over"])
def test_a_tour_that_is_not_held_there_or_is_over_takes_no_place_L73(db, day):
    there, here, town = there_and_here(day)
    assert [row.tour for row in there.couvertures] == town.tours[:1]
    assert places_of(there, here) == [[1], [None, 1]]


def test_a_correction_leaves_the_tours_that_are_over_as_they_were_L73(town):
    acte = town.acte(hours=2)
    file = procedure.saisir(acte, town.agent)
    Tour.update(day=scrutins.today(town.agent.commune) - datetime.timedelta(days=1)).where(
        Tour.id == town.tours[0].id).execute()
    procedure.corriger(fresh(file), town.agent, replace(acte, mandataire=somebody(commune=a_commune())))
    assert places_of(file) == [[1, 1]]


# --- Typed in, corrected, told apart --------------------------------------------------------------------------------

def test_an_act_typed_in_leaves_what_any_act_leaves(town):
    file = fresh(town.act(hours=2, mandant=somebody(used_name="Blanc", birth_place="Lyon"), email="a@exemple.fr"))
    assert (file.status, file.origin, file.voter) == (Status.ETABLIE, "paper", None)
    assert (file.timed, file.email) == (True, "a@exemple.fr")
    assert [(row.act, row.agent) for row in file.passages] == [("saisir", town.agent)]
    assert (file.mandant.used_name, file.mandant.birth_place) == ("Blanc", "Lyon")
    assert [row.tour for row in file.tours_vises.order_by(Tour.number).join(Tour)] == town.tours


def test_the_same_act_sent_twice_is_typed_in_once(town):
    acte = town.acte(filing_key="k" * 32)
    assert procedure.saisir(acte, town.agent).id == procedure.saisir(acte, town.agent).id


def test_an_act_for_a_poll_that_is_over_is_refused_and_nothing_is_written(town):
    yesterday = scrutins.today(town.agent.commune) - datetime.timedelta(days=1)
    with pytest.raises(PollOver):
        town.act(valid_until=yesterday, scrutin=None, tours=[])
    assert not Procuration.select().exists()


@pytest.mark.parametrize("role", [Role.OFFICER, Role.MINISTRY])
def test_only_a_town_hall_types_an_act(town, role):
    with pytest.raises(NotYours):
        procedure.saisir(town.acte(), an_agent(role, commune=None))


def test_a_corrected_hour_moves_the_act_in_the_order_L73(town):
    first, second = town.act(hours=2), town.act(hours=1)
    mandant = procedure.Named(*(getattr(second.mandant, name) for name in
                                ("birth_name", "first_names", "sex", "birth_date")))
    corrected = town.acte(hours=3, mandant=mandant)
    procedure.corriger(fresh(second), town.agent, corrected)
    assert places_of(first, second) == [[None, None], [1, 1]] and attention(first) == ["place_perdue"]
    changes = second.passages.order_by(-second.passages.model.version).first().changes
    assert set(changes) == {"established_at"}
    with pytest.raises(NothingChanged):
        procedure.corriger(fresh(second), town.agent, corrected)


def test_a_corrected_name_leaves_the_place_of_who_was_meant_wrongly_L73(town):
    acte = town.acte(hours=2)
    wrong, waits = procedure.saisir(acte, town.agent), town.act(hours=1)
    procedure.corriger(fresh(wrong), town.agent, replace(acte, mandataire=somebody(commune=a_commune())))
    assert attention(waits) == ["place_libre"] and places_of(wrong) == [[1, 1]]


def test_a_corrected_address_moves_no_place(town):
    acte = town.acte(hours=2)
    file = procedure.saisir(acte, town.agent)
    held = list(file.couvertures)
    procedure.corriger(fresh(file), town.agent, replace(acte, email="b@exemple.fr"))
    assert list(file.couvertures) == held and fresh(file).email == "b@exemple.fr"


def test_an_online_act_is_not_corrected_by_the_town_hall(town):
    online = a_procuration(Status.ETABLIE, scrutin=town.scrutin)
    with pytest.raises(NotYours):
        procedure.corriger(online, town.agent, town.acte())


def test_a_correction_of_a_decided_act_is_refused(town):
    file = town.act()
    procedure.valider(fresh(file), town.agent)
    with pytest.raises(AlreadyDecided):
        procedure.corriger(fresh(file), town.agent, town.acte())


def test_who_is_not_the_same_person_has_places_of_their_own_L73(town):
    first, second = town.act(hours=2), town.act(hours=1)
    procedure.distinguer(fresh(second), town.agent, "mandataire")
    assert places_of(first, second) == [[1, 1], [1, 1]]
    with pytest.raises(NothingChanged):
        procedure.distinguer(fresh(second), town.agent, "mandataire")
    acte = town.acte(hours=1, email="c@exemple.fr", mandant=procedure.Named(
        second.mandant.birth_name, second.mandant.first_names, "M", second.mandant.birth_date))
    procedure.corriger(fresh(second), town.agent, acte)
    assert places_of(second) == [[1, 1]] and fresh(second).mandataire.key.endswith(f"#{second.id}")


def test_a_homonym_told_apart_as_mandant_keeps_the_vote_L73(town):
    mandant = somebody()
    town.act(hours=2, mandant=mandant)
    second = town.act(hours=1, mandant=mandant, mandataire=somebody(commune=a_commune()))
    assert places_of(second) == [[None, None]]
    procedure.distinguer(fresh(second), town.agent, "mandant")
    assert places_of(second) == [[1, 1]]


# --- Without a visit ------------------------------------------------------------------------------------------------

def test_a_voter_establishes_with_a_certified_identity_only_where_the_rules_accept_it_2025_1059(db):
    voter, evidence = a_voter(), {"acr": "eidas2"}
    file = a_procuration(voter=voter)
    for proof in (None, evidence):
        with pytest.raises(NotYours):
            procedure.etablir(fresh(file), voter, proof)
    Rules.create(scrutin=file.scrutin, certified_identity=True)
    with pytest.raises(NotYours):
        procedure.etablir(fresh(file), a_voter(), evidence)
    procedure.etablir(fresh(file), voter, evidence)
    assert (fresh(file).status, fresh(file).certified, fresh(file).officer) == (Status.ETABLIE, evidence, None)


# --- The judge ------------------------------------------------------------------------------------------------------

MOST = {"69123": (2, 1), "98818": (3, 2)}
STEPS = strategies.tuples(
    strategies.sampled_from(["saisir"] * 5 + ["annuler", "invalider", "reprendre", "attribuer", "corriger", "valider",
                                              "distinguer"]),
    strategies.integers(0, 9), strategies.integers(0, 3), strategies.integers(0, 1), strategies.booleans(),
    strategies.sampled_from(list(MOST)), strategies.sampled_from([(0,), (1,), (0, 1)]), strategies.integers(0, 20))


class History:
    """The same steps for the portal and for the judge."""

    def __init__(self, world):
        self.world, self.judge, self.files, self.acts = world, Judge(), [], {}
        Procuration.delete().execute()

    def step(self, verb, which, mandant, mandataire, abroad, code, tours, minute):
        named = {"mandant": self.world.mandants[mandant], "mandataire": self.world.mandataires[mandataire],
                 "abroad": abroad, "tours": [self.world.tours[number] for number in tours],
                 "established_at": self.world.start + minute * datetime.timedelta(minutes=1)}
        acte = an_acte(scrutin=self.world.scrutin, **named)
        if verb == "saisir":
            return self.saisir(acte, self.world.agents[code])
        if self.files:
            file = fresh(self.files[which % len(self.files)])
            getattr(self, verb)(file, self.world.agents[file.commune_id], acte)

    def saisir(self, acte, agent):
        file = procedure.saisir(acte, agent)
        self.files.append(file)
        self.judge.establish(self.seen(file))

    def seen(self, file):
        file = fresh(file)
        tours = frozenset(row.tour_id for row in file.tours_vises)
        self.acts[file.id] = Act(file.id, file.established_at, file.mandant.key, file.mandataire.key, tours,
                                 file.abroad, MOST[file.commune_id])
        return self.acts[file.id]

    def annuler(self, file, agent, acte):
        if file.status in ("etablie", "validee"):
            procedure.annuler(file, agent, "perte_des_droits")
            self.judge.end(file.id)

    def invalider(self, file, agent, acte):
        if file.status == "etablie":
            procedure.invalider(file, agent, "mandant_non_inscrit")
            self.judge.end(file.id)

    def valider(self, file, agent, acte):
        if file.status == "etablie" and places.held(file):
            procedure.valider(file, agent)
            self.judge.decide(file.id)

    def reprendre(self, file, agent, acte):
        if file.status in ("validee", "invalidee"):
            procedure.reprendre(file, agent)
            self.judge.reopen(self.acts[file.id])

    def attribuer(self, file, agent, acte):
        if file.status != "etablie":
            return
        there = self.judge.give(file.id)
        try:
            procedure.attribuer(file, agent)
        except PlaceGone:
            assert not there
        else:
            assert there

    def corriger(self, file, agent, acte):
        if file.status != "etablie":
            return
        try:
            procedure.corriger(file, agent, acte)
        except NothingChanged:
            return
        self.judge.correct(self.seen(file))

    def distinguer(self, file, agent, acte):
        if file.status == "etablie" and "#" not in file.mandataire.key:
            procedure.distinguer(file, agent, "mandataire")
            self.judge.correct(self.seen(file))

    def compare(self):
        rows = list(Couverture.select(Couverture, Procuration).join(Procuration))
        assert {(row.procuration_id, row.tour_id) for row in rows if row.place} == self.judge.held
        assert {(row.procuration_id, row.tour_id) for row in rows if row.free} == self.judge.free()
        assert {(row.procuration_id, row.tour_id) for row in rows if row.lost} == self.judge.lost
        for row in rows:
            assert not row.lost or row.procuration.attention in places.PLACES


class World:
    def __init__(self):
        self.scrutin, self.start = a_scrutin(), now() - 5 * HOUR
        self.tours = list(self.scrutin.tours.order_by(Tour.number))
        self.agents = {code: an_agent(commune=a_commune(code)) for code in MOST}
        self.mandants = [somebody() for _ in range(4)]
        self.mandataires = [somebody(commune=a_commune()), self.mandants[0]]
        for (code, (in_all, in_france)), territory in zip(MOST.items(), ("FR", "988")):
            Rules.create(scrutin=self.scrutin, territory=territory, places=in_all, places_france=in_france)


def compare_histories(examples):
    world = World()

    @settings(max_examples=examples, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink))
    @given(strategies.lists(STEPS, min_size=3, max_size=12))
    def histories_are_judged_alike(steps):
        history = History(world)
        for step in steps:
            history.step(*step)
            history.compare()
    histories_are_judged_alike()


def test_any_history_is_judged_as_the_slow_judge_does_L73(db):
    compare_histories(40)


@pytest.mark.long
def test_many_histories_are_judged_as_the_slow_judge_does_L73(db):
    compare_histories(1500)
