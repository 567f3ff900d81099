"""Articles whose rule is in what people read or are asked, rather than in a computation."""
import pytest

from models import Status, now
from portal import mail, outbox, procedure
from portal.errors import AlreadyDecided
from portal.pages.forms import DemandeForm
from tests.factories import a_mandataire, a_procuration, a_scrutin, a_voter, an_officer, fresh

ASKED = {"key", "email", "commune", "mandataire", "tours", "until", "declaration"}


def test_no_reason_for_the_absence_is_asked_L71(app):
    with app.test_request_context():
        assert set(DemandeForm(a_voter())._fields) == ASKED


def test_a_procuration_taken_back_leaves_room_for_another_L75(db):
    voter, scrutin = a_voter(), a_scrutin()
    first = a_procuration(Status.VALIDEE, voter=voter, scrutin=scrutin)
    procedure.resilier(first, an_officer())
    second = a_procuration(Status.ETABLIE, voter=voter, scrutin=scrutin, mandataire=a_mandataire())
    assert [row.place for row in second.couvertures] == [1, 1]
    with pytest.raises(AlreadyDecided):
        procedure.resilier(fresh(first), an_officer())


@pytest.mark.parametrize("part", ["text", "html"])
def test_the_mandant_is_told_that_voting_in_person_stays_possible_L76(app, part):
    told = getattr(outbox.render("validee", mail.SAMPLES["validee"]), part)
    assert "Vous pouvez toujours voter vous-même, si vous arrivez avant votre mandataire" in told


def test_the_act_bears_the_authority_its_quality_and_its_place_R75(db):
    file = a_procuration(Status.ETABLIE, officer=an_officer(first_name="Alix", last_name="Moreau", place="Lyon"))
    assert (file.authority, file.authority_place) == ("Alix Moreau, brigadier-chef, APJ", "Lyon")
    assert mail.told(file, "etablir")["authority"] == file.authority


def test_no_vote_is_offered_that_a_procuration_of_today_could_not_reach_R74(app):
    for days in (300, 400):
        a_scrutin(in_days=days)
    with app.test_request_context():
        form = DemandeForm(a_voter())
    assert [(tour.day - now().date()).days for tour in form.open_tours] == [300, 307]
