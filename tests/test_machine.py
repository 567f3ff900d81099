"""The whole procedure, in any order: two voters, two officers, two agents of two communes, paper acts out of order, a
tour added, the clock, the purge. What must hold holds after each step (issue 4), on both engines."""
import datetime
import time
from collections import Counter

import pytest
import time_machine
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as of
from hypothesis.stateful import (RuleBasedStateMachine, initialize, invariant, precondition, rule,
                                 run_state_machine_as_test)
from peewee import fn

from models import (BEFORE_ESTABLISHMENT, LIVE, TRANSITIONS, UTC, Couverture, Event, Job, Mail, Passage, Personne,
                    Procuration, Scrutin, Status, Tour, TourVise, Voter, database, now)
from portal import clock, erasure, jobs, journal, mail, places, procedure, resiliation
from portal.errors import NoPlaceHeld, NothingChanged, NotYours, PlaceGone, PlaceHeld, Refused, TooLateToUndo
from portal.procedure import Named
from tests.factories import a_commune, a_demande, a_period, a_scrutin, a_voter, an_acte, an_agent, an_officer, fresh
from tests.judge_of_places import Act, Judge

BEGINNING = datetime.datetime(2027, 3, 1, 9, tzinfo=UTC)
TO_THE_POLL = datetime.timedelta(days=30)
MINUTE = datetime.timedelta(minutes=1)
STEPS = 10
ERASES = sorted(set(erasure.WORKS) - {"journal"})   # its months go on from one history to the next
WAITS = {"a minute": MINUTE, "too long to undo": 20 * MINUTE, "a week": datetime.timedelta(days=7)}


class World:
    """Who there is, the same in each history."""

    def __init__(self):
        self.agents = [an_agent(commune=a_commune(code)) for code in ("69123", "98818")]
        self.officers = [an_officer() for _ in range(2)]
        self.people = [Named(name, "Camille", "F", "1980-05-17", commune=a_commune())
                       for name in ("Durand", "Bernard", "Petit")]
        self.programs = 0

    def log_in(self):
        """The voters may have been erased."""
        Voter.delete().execute()
        self.voters = [a_voter(birth_name=person.birth_name, first_names=person.first_names, sex=person.sex,
                               birth_date=person.birth_date) for person in self.people[:2]]


class Machine(RuleBasedStateMachine):
    """One history. `judge` follows the acts with their places."""

    world = None

    def __init__(self):
        super().__init__()
        for model in (Procuration, Mail, TourVise, Tour, Scrutin, Job):
            model.delete().execute()
        self.traveller = time_machine.travel(BEGINNING, tick=True)
        self.travel, self.judge, self.over = self.traveller.start(), Judge(), False
        self.added, self.taken, self.read = None, 0, {}
        self.world.log_in()
        self.world.programs += 1

    def teardown(self):
        journal.seal()
        self.traveller.stop()
        if self.world.programs % 25 == 1:
            assert journal.verify() is None
        self.traveller = None

    @initialize(periods=of.lists(of.booleans(), min_size=2, max_size=2), paper=of.lists(
        of.tuples(of.integers(0, 1), of.integers(0, 1), of.booleans(), of.integers(1, 60)), min_size=2, max_size=2))
    def a_few_acts_and_requests(self, periods, paper):
        """One voter's is established, the other's waits; two are on paper, out of order."""
        self.scrutin = a_scrutin(two_tours=False)
        self.first = self.scrutin.tours.get()
        for voter, period in enumerate(periods):
            self._file(voter, 2, 0, period)
        self.etablir(0, 0)
        for agent, mandant, abroad, hours in paper:
            self.saisir(agent, mandant, 2, abroad, False, hours)

    # --- The voters ---

    open_ = precondition(lambda self: not self.over)
    requests, undecided, decided, lives = (
        precondition(lambda self, among=among: not self.over and self._among(among))
        for among in ((Status.DEPOSEE,), (Status.ETABLIE,), (Status.VALIDEE, Status.INVALIDEE), LIVE))

    @open_
    @rule(voter=of.integers(0, 1), mandataire=of.integers(0, 2), commune=of.integers(0, 1), period=of.booleans())
    def deposer(self, voter, mandataire, commune, period):
        if voter != mandataire:
            self._file(voter, mandataire, commune, period)

    def _file(self, voter, mandataire, commune, period):
        named = {"mandataire": self.world.people[mandataire], "commune": self.world.agents[commune].commune,
                 "email": self.world.voters[voter].email}
        demande = (a_period(self.first.day + datetime.timedelta(days=100), scrutin=self.scrutin, **named) if period
                   else a_demande(scrutin=self.scrutin, **named))
        procedure.deposer(demande, self.world.voters[voter])

    @requests
    @rule(which=of.integers(0, 3), refused=of.booleans())
    def retirer_or_refuser(self, which, refused):
        file = self._pick(which, Status.DEPOSEE)
        if refused:
            procedure.refuser(file, self.world.officers[which % 2], "piece_non_probante")
        else:
            procedure.retirer(file, file.voter)

    @lives
    @rule(which=of.integers(0, 3), officer=of.integers(0, 1), kept=of.booleans())
    def resilier(self, which, officer, kept):
        file = self._pick(which, *LIVE)
        if file.voter is None:
            return procedure.resilier(file, self._agent(file), {"authority": "A. Martin"}) or self.judge.end(file.id)
        asked = resiliation.demander(file, file.voter)
        assert resiliation.demander(fresh(file), file.voter).code == asked.code
        if not kept:
            procedure.resilier(fresh(file), self.world.officers[officer])
            self.judge.end(file.id)

    # --- The officers ---

    @requests
    @rule(which=of.integers(0, 3), officer=of.integers(0, 1))
    def etablir(self, which, officer):
        file = self._pick(which, Status.DEPOSEE)
        procedure.etablir(file, self.world.officers[officer])
        self.judge.establish(self._seen(file))

    @undecided
    @rule(which=of.integers(0, 3), officer=of.integers(0, 1))
    def defaire(self, which, officer):
        file, officer = self._pick(which, Status.ETABLIE), self.world.officers[officer]
        try:
            procedure.defaire(file, officer, "erreur_de_personne")
        except (NotYours, TooLateToUndo):
            assert file.officer != officer or now() > file.established_at + procedure.TIME_TO_UNDO
        else:
            self.judge.end(file.id)

    # --- The communes ---

    @open_
    @rule(agent=of.integers(0, 1), mandant=of.integers(0, 2), mandataire=of.integers(0, 2), abroad=of.booleans(),
          told=of.booleans(), hours=of.integers(1, 60))
    def saisir(self, agent, mandant, mandataire, abroad, told, hours):
        if mandant != mandataire:
            acte = self._acte(mandant, mandataire, abroad, hours, "papier@exemple.fr" if told else None)
            self.judge.establish(self._seen(procedure.saisir(acte, self.world.agents[agent])))

    def _acte(self, mandant, mandataire, abroad, hours, email):
        return an_acte(scrutin=self.scrutin, mandant=self.world.people[mandant], email=email, abroad=abroad,
                       mandataire=self.world.people[mandataire],
                       established_at=BEGINNING - hours * datetime.timedelta(hours=1))

    @undecided
    @rule(which=of.integers(0, 3), mandataire=of.integers(0, 2), hours=of.integers(1, 60))
    def corriger(self, which, mandataire, hours):
        file = self._pick(which, Status.ETABLIE)
        acte = self._acte(0, mandataire, file.abroad, hours, file.email)
        try:
            procedure.corriger(file, self._agent(file), acte)
        except (NotYours, NothingChanged):
            return
        self.judge.correct(self._seen(file))

    @undecided
    @rule(which=of.integers(0, 3), role=of.sampled_from(Personne.ROLES))
    def distinguer(self, which, role):
        file = self._pick(which, Status.ETABLIE)
        try:
            procedure.distinguer(file, self._agent(file), role)
        except NothingChanged:
            return
        self.judge.correct(self._seen(file))

    @undecided
    @rule(which=of.integers(0, 3))
    def attribuer(self, which):
        file = self._one_with_a_free_place() or self._pick(which, Status.ETABLIE)
        there = self.judge.give(file.id)
        try:
            procedure.attribuer(file, self._agent(file))
        except PlaceGone:
            assert not there
        else:
            assert there
            self.judge.decide(file.id)

    @undecided
    @rule(which=of.integers(0, 3))
    def valider(self, which):
        file = self._pick(which, Status.ETABLIE)
        try:
            procedure.valider(file, self._agent(file))
        except NoPlaceHeld:
            assert not self._held(file)
        else:
            self.judge.decide(file.id)

    @undecided
    @rule(which=of.integers(0, 3), reason=of.sampled_from(["plafond_atteint", "mandant_non_inscrit"]))
    def invalider(self, which, reason):
        file = self._pick(which, Status.ETABLIE)
        try:
            procedure.invalider(file, self._agent(file), reason)
        except PlaceHeld:
            assert self._held(file)
        else:
            self.judge.end(file.id)

    @decided
    @rule(which=of.integers(0, 3))
    def reprendre(self, which):
        file = self._pick(which, Status.VALIDEE, Status.INVALIDEE)
        procedure.reprendre(file, self._agent(file))
        self.judge.reopen(self._seen(file))

    @lives
    @rule(which=of.integers(0, 3), reason=of.sampled_from(TRANSITIONS["annuler"].reasons))
    def annuler(self, which, reason):
        file = self._pick(which, *LIVE)
        procedure.annuler(file, self._agent(file), reason)
        self.judge.end(file.id)

    @undecided
    @rule(which=of.integers(0, 3), stale=of.booleans())
    def who_may_not_decide_or_decides_on_what_changed_is_refused(self, which, stale):
        file = self._pick(which, Status.ETABLIE)
        agents = self.world.agents
        actor = self._agent(file) if stale else next(one for one in agents if one.commune_id != file.commune_id)
        file.version -= stale
        with pytest.raises(Refused):
            procedure.annuler(file, actor, "perte_des_droits")

    # --- The calendar and the clock ---

    @precondition(lambda self: not self.over and self.added is None)
    @rule()
    def a_second_tour_is_added(self):
        self.added = Tour.create(scrutin=self.scrutin, number=2, day=self.first.day + datetime.timedelta(days=7))
        jobs.later("couvrir", self.added.id)
        while clock.run(name="couvrir"):
            pass
        for file in Procuration.select().where(Procuration.status.in_(LIVE), Procuration.scrutin.is_null()).order_by(
                Procuration.id):
            self.judge.cover(file.id, self.added.id)

    @open_
    @rule(how_long=of.sampled_from(sorted(WAITS)))
    def time_passes(self, how_long):
        self.travel.shift(WAITS[how_long])
        self.over = now() > BEGINNING + TO_THE_POLL - datetime.timedelta(days=2)
        self._run("perimer", "avertir", "veille", "decider")

    @precondition(lambda self: self.over or self.taken > STEPS - 3)
    @rule(years=of.integers(0, 2))
    def the_poll_is_over(self, years):
        self.over = True
        self.travel.shift(TO_THE_POLL + datetime.timedelta(days=15 + 366 * years))
        self._run("perimer", "avertir", "veille")
        Mail.update(state="sent").where(Mail.state != "letter").execute()
        for work in ERASES:
            jobs.through(erasure.WORKS[work])
        kept = {file.id for file in Procuration.select(Procuration.id)}
        for number in set(self.judge.acts) - kept:
            self.judge.end(number)
        assert not Procuration.select().where(Procuration.valid_until < _a_year_ago()).exists()

    @staticmethod
    def _run(*names):
        for name in names:
            clock.bring_forward(name)
            while clock.run(name=name):
                pass

    # --- What must hold ---

    @invariant()
    def a_step_was_taken(self):
        self.taken, self.read = self.taken + 1, {}

    @invariant()
    def each_status_is_the_one_of_the_last_passage(self):
        last = {}
        for passage in Passage.select().order_by(Passage.procuration, Passage.version):
            last[passage.procuration_id] = passage
        files = list(Procuration.select())
        assert {file.id: file.status for file in files} == {number: one.status for number, one in last.items()}
        assert all(last[file.id].version <= file.version for file in files)

    @invariant()
    def places_are_lawful_and_in_order_one_vote_per_mandant_and_tour(self):
        rows = list(Couverture.select(Couverture, Procuration).join(Procuration))
        assert {(row.procuration_id, row.tour_id) for row in rows if row.place} == self.judge.held
        assert {(row.procuration_id, row.tour_id) for row in rows if row.lost} == self.judge.lost
        assert max(Counter((row.mandant_key, row.tour_id) for row in rows if row.place).values(), default=1) == 1
        assert all(row.procuration.status in LIVE for row in rows)
        if not self.over:
            assert {(row.procuration_id, row.tour_id) for row in rows if row.free} == self.judge.free()
            assert all(row.procuration.attention in places.PLACES for row in rows if row.lost)

    @invariant()
    def each_act_was_told_once_where_the_mandant_can_be_told(self):
        told = Counter(key for key, in Mail.select(Mail.key).tuples())
        for passage in Passage.select(Passage, Procuration).join(Procuration):
            file, key = passage.procuration, f"{passage.act}:{passage.procuration_id}:{passage.version}:mandant"
            expected = passage.act in mail.NAMES and (bool(file.email) or passage.act in mail.LETTERS)
            assert told[key] == expected, key
        assert all(row.recipient for row in Mail.select().where(Mail.state.in_(("waiting", "held"))))

    @invariant()
    def nothing_is_left_of_who_ended(self):
        ended = Procuration.select().where(Procuration.status.not_in(LIVE))
        assert not Couverture.select().where(Couverture.procuration.in_(ended)).exists()
        assert not Procuration.select().where(Procuration.status.in_(BEFORE_ESTABLISHMENT),
                                              Procuration.established_at.is_null(False)).exists()

    # --- Who and what ---

    def _among(self, statuses):
        """Read once a step: each rule that may come next asks."""
        if statuses not in self.read:
            rows = Procuration.select().where(Procuration.status.in_(statuses)).order_by(Procuration.id)
            self.read[statuses] = list(rows)
        return self.read[statuses]

    def _pick(self, which, *statuses):
        files = self._among(statuses)
        return files[which % len(files)]

    def _one_with_a_free_place(self):
        files = Procuration.select().where(Procuration.status == Status.ETABLIE, Procuration.attention == "place_libre")
        return files.order_by(Procuration.id).first()

    def _agent(self, file):
        return next(agent for agent in self.world.agents if agent.commune_id == file.commune_id)

    def _held(self, file):
        return {place for place in self.judge.held if place[0] == file.id}

    def _seen(self, file):
        file = fresh(file)
        tours = frozenset(tour.id for tour in places.tours_of(file))
        return Act(file.id, file.established_at, file.mandant.key, file.mandataire.key, tours, file.abroad, (2, 1))


def _a_year_ago():
    return now().date() - datetime.timedelta(days=370)


def run(monkeypatch, programs):
    """`programs` histories; returns what happened, in words."""
    monkeypatch.setattr(procedure, "clock", now)    # a server's own clock does not travel
    began = time.monotonic()
    with time_machine.travel(BEGINNING, tick=True):
        Machine.world = World()
    run_state_machine_as_test(Machine, settings=settings(
        max_examples=programs, stateful_step_count=STEPS, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink)))
    journal.seal()
    assert journal.verify() is None
    return report(time.monotonic() - began)


def report(seconds):
    acts = Event.select(Event.act, fn.COUNT(Event.id)).group_by(Event.act).order_by(Event.act).tuples()
    return "\n".join((f"{type(database.obj).__name__}: {Machine.world.programs} histories in {seconds:.0f} s, all held",
                      *(f"  {act:14}{count:6}" for act, count in acts)))


def test_any_history_keeps_what_must_hold_L73_L77_R80(db, monkeypatch):
    run(monkeypatch, 50)


@pytest.mark.long
def test_2000_histories_keep_what_must_hold_L73_L77_R80(db, monkeypatch, capsys):
    said = run(monkeypatch, 2000)
    with capsys.disabled():
        print(f"\n{said}")
