"""The acts: who may do which from where, and what each leaves behind."""
import threading
import time

import pytest

from models import Couverture, Event, Mail, Mot, Passage, Procuration, Reference, Role, Status, database
from portal import journal, procedure
from portal.database import transaction
from portal.errors import AlreadyDecided, NoPlaceHeld, NotYours, PlaceHeld, PollChanged
from tests.factories import EMAIL, PATHS, a_commune, a_demande, a_procuration, a_voter, an_agent, an_officer, fresh


@pytest.mark.parametrize("status", PATHS)
def test_every_state_is_reached_by_acts_that_leave_one_passage_one_event_one_mail_each(db, status):
    procuration = a_procuration(status)
    assert procuration.status == status
    acts = len(PATHS[status]) + 1
    assert [passage.version for passage in procuration.passages.order_by(Passage.version)] == list(range(acts))
    assert procuration.passages.order_by(Passage.version.desc()).first().status == status
    assert Event.select().where(Event.subject == "procuration").count() == acts
    assert Mail.select().where(Mail.procuration == procuration).count() == acts


def test_the_same_form_sent_twice_makes_one_request(db):
    demande, voter = a_demande(), a_voter(email=EMAIL)
    first, second = procedure.deposer(demande, voter), procedure.deposer(demande, voter)
    assert first.id == second.id
    assert [row.select().count() for row in (Procuration, Passage, Reference, Mail)] == [1, 1, 1, 1]


def test_a_tour_removed_meanwhile_refuses_the_request_and_writes_nothing(db):
    demande = a_demande()
    demande.tours[1].delete_instance()
    with pytest.raises(PollChanged):
        procedure.deposer(demande, a_voter())
    assert not Procuration.select().exists() and not Mail.select().exists()


def test_who_lost_a_race_is_told_who_won(db):
    procuration = a_procuration(Status.ETABLIE)
    one, other = fresh(procuration), fresh(procuration)
    procedure.valider(one, an_agent())
    with pytest.raises(AlreadyDecided) as lost:
        procedure.invalider(other, an_agent(), "mandant_non_inscrit")
    assert lost.value.passage.act == "valider"
    assert fresh(procuration).status == Status.VALIDEE
    assert Couverture.select().where(Couverture.place.is_null(False)).count() == 2


def test_an_agent_of_another_commune_cannot_decide(db):
    procuration = a_procuration(Status.ETABLIE)
    with pytest.raises(NotYours):
        procedure.valider(procuration, an_agent(Role.COMMUNE, a_commune("75056")))
    assert fresh(procuration).status == Status.ETABLIE


def test_an_undone_act_leaves_the_request_as_it_was(db):
    officer = an_officer()
    procuration = a_procuration(Status.ETABLIE, officer=officer)
    procedure.defaire(procuration, officer, "erreur_de_personne")
    procuration = fresh(procuration)
    assert procuration.status == Status.DEPOSEE and procuration.established_at is None
    assert not Couverture.select().exists() and not Mot.select().exists()
    assert procuration.reference.used_at is None


def test_establishing_one_request_retires_the_other_for_the_same_tours(db):
    voter, scrutin = a_voter(), a_demande().scrutin
    first = a_procuration(voter=voter, scrutin=scrutin)
    a_procuration(Status.ETABLIE, voter=voter, scrutin=scrutin)
    assert fresh(first).status == Status.RETIREE


def test_a_request_given_up_in_the_same_instant_does_not_stop_the_other(db):
    voter, scrutin = a_voter(), a_demande().scrutin
    kept, given_up = (a_procuration(voter=voter, scrutin=scrutin) for _ in range(2))
    under_way = threading.Event()

    def give_up():
        with database.connection_context(), transaction():
            procedure.retirer(fresh(given_up), voter)
            under_way.set()
            time.sleep(0.5)  # the other act meets it uncommitted

    thread = threading.Thread(target=give_up)
    thread.start()
    under_way.wait(5)
    procedure.etablir(fresh(kept), an_officer())
    thread.join()
    assert (fresh(kept).status, fresh(given_up).status) == (Status.ETABLIE, Status.RETIREE)
    assert [passage.act for passage in given_up.passages.order_by(Passage.version)] == ["deposer", "retirer"]


def test_the_second_procuration_of_a_mandataire_stands_without_a_place(db):
    demande = a_demande()
    for _ in range(2):
        procuration = a_procuration(Status.ETABLIE, mandataire=demande.mandataire, scrutin=demande.scrutin)
    places = [row.place for row in Couverture.select().order_by(Couverture.id)]
    assert places == [1, 1, None, None]
    assert fresh(procuration).status == Status.ETABLIE


def test_who_validates_after_an_invalidation_is_told_of_it(db):
    procuration = a_procuration(Status.ETABLIE)
    late = fresh(procuration)
    procedure.invalider(fresh(procuration), an_agent(), "mandant_non_inscrit")
    with pytest.raises(AlreadyDecided) as lost:
        procedure.valider(late, an_agent())
    assert lost.value.passage.act == "invalider"


def test_the_ceiling_invalidates_only_what_holds_no_place(db):
    demande = a_demande()
    first, second = (a_procuration(Status.ETABLIE, mandataire=demande.mandataire, scrutin=demande.scrutin)
                     for _ in range(2))
    with pytest.raises(PlaceHeld):
        procedure.invalider(fresh(first), an_agent(), "plafond_atteint")
    with pytest.raises(NoPlaceHeld):
        procedure.valider(fresh(second), an_agent())
    assert [fresh(file).status for file in (first, second)] == [Status.ETABLIE, Status.ETABLIE]
    procedure.invalider(fresh(second), an_agent(), "plafond_atteint")
    assert fresh(second).status == Status.INVALIDEE


@pytest.mark.parametrize("decided", [Status.VALIDEE, Status.INVALIDEE])
def test_a_decision_taken_back_takes_its_places_again(db, decided):
    procuration = a_procuration(decided)
    procedure.reprendre(procuration, an_agent())
    assert fresh(procuration).status == Status.ETABLIE and fresh(procuration).decided_at is None
    assert [row.place for row in procuration.couvertures] == [1, 1]


def test_a_decision_taken_back_too_late_finds_its_place_gone(db):
    demande = a_demande()
    first = a_procuration(Status.INVALIDEE, mandataire=demande.mandataire, scrutin=demande.scrutin)
    a_procuration(Status.ETABLIE, mandataire=demande.mandataire, scrutin=demande.scrutin)
    procedure.reprendre(first, an_agent())
    assert [row.place for row in first.couvertures] == [None, None]


def test_the_journal_is_sealed_and_shows_a_change(db):
    a_procuration(Status.VALIDEE)
    assert journal.verify() is None
    assert journal.seal() == 3
    assert journal.verify() is None
