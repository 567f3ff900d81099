"""The register that any voter may read at the town hall."""
import csv
import io

import pytest

from models import Event, Role, Tour
from portal import procedure
from tests.factories import (a_commune, a_mandataire, a_period, a_procuration, a_scrutin, an_acte, an_agent,
                             somebody)
from tests.test_back_office import Desk

REGISTER = "/admin/registre/"


@pytest.fixture
def desk(app):
    return Desk(app, an_agent(Role.COMMUNE, a_commune()))


def test_the_register_holds_exactly_what_any_voter_may_read_R76(desk):
    file = a_procuration("validee", mandataire=a_mandataire(birth_name="OZANNE", first_names="Léa Rose"))
    sent = desk.opens(REGISTER + "export/csv/").page.get_data(as_text=True)
    rows = list(csv.reader(io.StringIO(sent), delimiter=";"))
    day = file.established_at.date().isoformat()
    assert rows[1:] == [[f"{file.mandant.birth_name} {file.mandant.first_names}", "OZANNE Léa Rose", file.authority,
                         f"{day}, Lyon", " ; ".join(f"{name} {tour.day.isoformat()}" for name, tour in zip(
                             ("1er tour", "2d tour"), file.scrutin.tours.order_by(Tour.number)))]]
    for page in (REGISTER, f"{REGISTER}details/?id={file.id}"):
        assert "OZANNE" in desk.opens(page).said
        for hidden in (file.email, "1975", "1980", file.reference.shown):
            assert hidden not in desk.said


@pytest.mark.parametrize("status", ["etablie", "invalidee", "annulee", "resiliee"])
def test_what_does_not_give_a_vote_is_not_in_the_register_R76(desk, status):
    file = a_procuration(status, mandataire=a_mandataire(birth_name="OZANNE"))
    assert "OZANNE" not in desk.opens(REGISTER).said
    assert desk.opens(f"{REGISTER}details/?id={file.id}").page.status_code == 404


def test_a_period_is_in_the_register_until_its_last_day_R76(desk):
    file = a_procuration("validee", demande=a_period(a_scrutin(two_tours=False).tours.get().day))
    sent = desk.opens(REGISTER + "export/csv/").page.get_data(as_text=True)
    assert list(csv.reader(io.StringIO(sent), delimiter=";"))[1][-1] == file.valid_until.isoformat()


def test_the_register_of_a_tour_holds_who_may_vote_on_it_and_no_other_R76(desk):
    """An older act took the first tour of one, and the only one of another."""
    scrutin = a_scrutin()
    first, second = scrutin.tours.order_by(Tour.number)
    half, none = (a_procuration("validee", scrutin=scrutin, tours=tours, valid_until=tours[-1].day,
                                mandataire=a_mandataire(birth_name=name, first_names="Léa", commune=None))
                  for name, tours in (("OZANNE", [first, second]), ("QUERCY", [first])))
    for loser in (half, none):
        procedure.saisir(an_acte(scrutin, tours=[first], mandataire=somebody(
            birth_name=loser.mandataire.birth_name, first_names="Léa")), desk.agent)
    said = {tour: desk.opens(REGISTER, flt_tour=tour.id).said for tour in (first, second)}
    assert ("OZANNE" in said[first], "OZANNE" in said[second], "QUERCY" in said[first]) == (False, True, False)
    whole = desk.opens(REGISTER).said
    assert "2d tour" in whole and "1er tour, le" not in whole and "QUERCY" not in whole


def test_an_act_is_in_the_hands_of_the_mayor_once_it_is_established_R76(desk):
    a_procuration("etablie", mandataire=a_mandataire(birth_name="OZANNE"))
    assert "OZANNE" in desk.opens("/admin/procurations/?flt_status=etablie").said


def test_reading_the_register_is_a_consultation(desk):
    file = a_procuration("validee")
    desk.opens(REGISTER)
    event = Event.select().order_by(Event.id.desc()).get()
    assert (event.act, event.subjects) == ("consulter", str(file.id))
