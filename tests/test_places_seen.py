"""What a town hall sees of the places (L. 73): a place lost, a place free again, two people who are not the same."""
import datetime
import re
from types import SimpleNamespace

import pytest

from models import Couverture, now
from portal import procedure
from tests.factories import a_commune, a_scrutin, an_acte, an_agent, fresh, log_in, somebody

FILE = "/admin/procurations/details/?id={}"


@pytest.fixture
def desk(app, client):
    """An agent of Lyon, and two acts of one mandataire: the older one holds the places, until it ends."""
    agent, scrutin, mandataire = an_agent(), a_scrutin(), somebody(commune=a_commune())
    log_in(client, agent=agent)
    first, second = (procedure.saisir(an_acte(scrutin, mandataire=mandataire,
                                              established_at=now() - datetime.timedelta(hours=hours)), agent)
                     for hours in (2, 1))
    return SimpleNamespace(agent=agent, first=first, second=second, client=client)


def sends(desk, act, file=None, **fields):
    """What a form of the file's page sends, as of now unless `version` says otherwise."""
    file = fresh(file or desk.second)
    token = re.search(r'name="csrf_token" value="([^"]+)"', desk.client.get("/admin/").text)[1]
    return desk.client.post(f"/admin/procurations/{act}/", data={"csrf_token": token, "id": file.id,
                                                                 "version": file.version, **fields})


def places(file):
    return [row.place for row in Couverture.select().where(Couverture.procuration == file)]


def test_a_place_free_again_is_offered_and_given_on_demand_L73(desk):
    procedure.annuler(fresh(desk.first), desk.agent, "perte_des_droits")
    assert "À revoir" in desk.client.get("/admin/").text
    assert f"id={desk.second.id}" in desk.client.get("/admin/procurations/?flt_attention=any").text
    page = desk.client.get(FILE.format(desk.second.id)).text
    assert "Une place est de nouveau libre" in page and "Attribuer la place libre" in page
    assert sends(desk, "attribuer").status_code == 303 and places(desk.second) == [1, 1]
    page = desk.client.get(FILE.format(desk.second.id)).text
    assert "a la place qui était libre" in page and "Une place est de nouveau libre" not in page


def test_a_place_that_is_not_free_is_not_given_L73(desk):
    answer = sends(desk, "attribuer")
    assert answer.status_code == 409 and "La place n’est plus libre" in answer.text
    assert places(desk.second) == [None, None]


def test_a_homonym_has_places_of_his_own_L73(desk):
    assert "Le mandataire est un homonyme" in desk.client.get(FILE.format(desk.second.id)).text
    assert sends(desk, "distinguer", role="voter").status_code == 400
    assert sends(desk, "distinguer", role="mandataire").status_code == 303 and places(desk.second) == [1, 1]


def test_an_agent_who_still_saw_the_place_is_told_that_an_older_act_took_it_L73(desk):
    version = fresh(desk.first).version
    procedure.saisir(an_acte(desk.first.scrutin, established_at=now() - datetime.timedelta(hours=3),
                             mandataire=procedure.Named(desk.first.mandataire.birth_name,
                                                        desk.first.mandataire.first_names, "M",
                                                        desk.first.mandataire.birth_date)), desk.agent)
    answer = sends(desk, "valider", desk.first, version=version)
    assert answer.status_code == 409 and "Un acte plus ancien vient de prendre une place" in answer.text
    assert "Une place a été prise par un acte plus ancien" in desk.client.get(FILE.format(desk.first.id)).text


@pytest.mark.parametrize("act", ["attribuer", "distinguer"])
def test_the_file_of_another_town_is_not_there(desk, act):
    log_in(desk.client, agent=an_agent(commune=a_commune("75056")))
    assert sends(desk, act, role="mandataire").status_code == 404
