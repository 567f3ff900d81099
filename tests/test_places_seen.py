"""What a town hall sees and does once an act is there: a place lost or free again, people who are not the same (L. 73),
an annulment (L. 77, R. 80), a decision taken back, a change that needs nothing.
"""
import datetime
import re
from types import SimpleNamespace

import pytest
import time_machine

from models import Couverture, Event, Mail, Passage, Procuration, Status, now
from portal import attention, outbox, procedure, scrutins
from portal.errors import NotYours
from tests.factories import a_commune, a_procuration, a_scrutin, an_acte, an_agent, fresh, log_in, somebody
from tests.test_back_office import GRID, Desk

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
    assert "Une fois la place attribuée" in page and "est un homonyme" not in page
    assert sends(desk, "attribuer").status_code == 303 and places(desk.second) == [1, 1]
    page = desk.client.get(FILE.format(desk.second.id)).text
    assert "a la place qui était libre" in page and "Une place est de nouveau libre" not in page


def test_a_place_that_is_not_free_is_not_given_L73(desk):
    answer = sends(desk, "attribuer")
    assert answer.status_code == 409 and "La place n’est plus libre" in answer.text
    assert places(desk.second) == [None, None]


def test_a_homonym_has_places_of_his_own_L73(app, desk):
    page = desk.client.get(FILE.format(desk.second.id)).text
    assert "Le mandataire est un homonyme" in page and "Le mandant est un homonyme" not in page
    asked = desk.client.get(f"/admin/procurations/distinguer/?id={desk.second.id}&role=mandataire").text
    assert "Cela ne se défait pas" in asked and f"details/?id={desk.first.id}\"" in asked
    assert "d’une autre commune" not in asked and places(desk.second) == [None, None]
    assert sends(desk, "distinguer", role="voter").status_code == 400
    assert sends(desk, "distinguer", role="mandataire").status_code == 303 and places(desk.second) == [1, 1]
    again = sends(desk, "distinguer", role="mandataire")
    assert again.status_code == 409 and "il n’y a personne à distinguer" in again.text
    assert Passage.select().where(Passage.act == "distinguer").count() == 1
    history = Desk(app, desk.agent).opens(FILE.format(desk.second.id)).said
    assert "Mandataire : la même personne que dans un autre acte devient un homonyme" in " ".join(history.split())


def test_the_act_of_another_town_stays_hidden_behind_a_homonym_L73(desk):
    paris = a_commune("75056")
    named = procedure.Named(desk.first.mandataire.birth_name, desk.first.mandataire.first_names, "M",
                            desk.first.mandataire.birth_date)
    hidden = procedure.saisir(an_acte(desk.first.scrutin, mandataire=named, mandant=somebody(birth_name="Zorglub"),
                                      established_at=now() - datetime.timedelta(hours=3)), an_agent(commune=paris))
    asked = desk.client.get(f"/admin/procurations/distinguer/?id={desk.first.id}&role=mandataire").text
    assert "Un acte d’une autre commune le nomme aussi" in asked
    assert "Zorglub" not in asked and f"id={hidden.id}\"" not in asked


def test_an_agent_who_still_saw_the_place_is_told_that_an_older_act_took_it_L73(desk):
    version = fresh(desk.first).version
    procedure.saisir(an_acte(desk.first.scrutin, established_at=now() - datetime.timedelta(hours=3),
                             mandataire=procedure.Named(desk.first.mandataire.birth_name,
                                                        desk.first.mandataire.first_names, "M",
                                                        desk.first.mandataire.birth_date)), desk.agent)
    answer = sends(desk, "valider", desk.first, version=version)
    assert answer.status_code == 409 and "Un acte plus ancien vient de prendre une place" in answer.text
    assert "Une place a été prise par un acte plus ancien" in desk.client.get(FILE.format(desk.first.id)).text


@pytest.mark.parametrize("act", ["attribuer", "distinguer", "vu"])
def test_the_file_of_another_town_is_not_there(desk, act):
    log_in(desk.client, agent=an_agent(commune=a_commune("75056")))
    assert sends(desk, act, role="mandataire").status_code == 404


# --- Annulled (L. 77) and told (R. 80) ------------------------------------------------------------------------------

def letter(file, name):
    """What the mandant is told by the mail of a name, the last of them."""
    row = Mail.select().where(Mail.procuration == file, Mail.name == name).order_by(Mail.id.desc()).get()
    return " ".join(outbox.render(name, row.context).text.split())


@pytest.mark.parametrize("reason, why", [("deces_du_mandataire", "Décès du mandataire"),
                                         ("perte_des_droits", "Perte des droits civiques du mandataire")])
@pytest.mark.parametrize("status", [Status.ETABLIE, Status.VALIDEE])
def test_the_mandant_is_told_of_an_annulment_and_why_L77_R80(db, status, reason, why):
    file = a_procuration(status)
    procedure.annuler(fresh(file), an_agent(), reason)
    told = letter(file, "annulee")
    assert why in told and "articles L. 77 et R. 80" in told and "Personne ne votera pour vous avec elle" in told
    assert fresh(file).status == Status.ANNULEE and not places(file)
    assert Mail.select().where(Mail.procuration == file, Mail.name == "annulee").count() == 1


def test_a_death_is_annulled_at_the_desk_the_mail_read_before_L77_R80(app, desk):
    procedure.valider(fresh(desk.first), desk.agent)
    screen = Desk(app, desk.agent).opens(FILE.format(desk.first.id)).follows("Annuler, après un décès")
    screen.presses("Voir le courriel avant d’annuler", reason="deces_du_mandataire", comment="Appelez-nous.")
    assert "doit vous en informer (articles L. 77 et R. 80" in screen.said and "Appelez-nous." in screen.said
    assert "Ce que dira la lettre au mandant" in screen.said and fresh(desk.first).status == Status.VALIDEE
    screen.presses("Annuler la procuration")
    assert fresh(desk.first).status == Status.ANNULEE and "Elle est prête dans" in screen.said
    row = Mail.get(Mail.procuration == desk.first, Mail.name == "annulee")
    assert row.state == "letter" and "Appelez-nous." in letter(desk.first, "annulee")
    assert places(desk.second) == [None, None] and fresh(desk.second).attention == "place_libre"


# --- Taken back -----------------------------------------------------------------------------------------------------

def test_a_decision_taken_back_says_that_the_places_are_gone_L73(app, desk):
    procedure.invalider(fresh(desk.first), desk.agent, "mandant_non_inscrit")
    procedure.attribuer(fresh(desk.second), desk.agent)
    screen = Desk(app, desk.agent).opens(FILE.format(desk.first.id)).follows("Reprendre l’examen…")
    assert "Plus de place pour : 1er tour" in screen.said and "ne pourra pas être validée." in screen.said
    screen.presses("Reprendre l’examen")
    assert "de nouveau à vérifier" in screen.said and "elle n’a de place pour aucun tour" in screen.said
    assert places(desk.first) == [None, None] and places(desk.second) == [1, 1], "nobody loses a place by it"


def test_a_decision_taken_back_has_the_places_that_are_there_L73(app, desk):
    procedure.invalider(fresh(desk.first), desk.agent, "mandant_non_inscrit")
    screen = Desk(app, desk.agent).opens(FILE.format(desk.first.id)).follows("Reprendre l’examen…")
    assert "Place aujourd’hui pour : 1er tour" in screen.said and "Plus de place" not in screen.said
    screen.presses("Reprendre l’examen")
    assert "aucun tour" not in screen.said and places(desk.first) == [1, 1]


def test_a_validation_taken_back_keeps_what_it_holds_L73(app, desk):
    procedure.valider(fresh(desk.first), desk.agent)
    Desk(app, desk.agent).opens(GRID + f"reprendre/?id={desk.first.id}").presses("Reprendre l’examen")
    assert fresh(desk.first).status == Status.ETABLIE and places(desk.first) == [1, 1]
    assert "Notre message précédent sur sa décision ne compte plus" in letter(desk.first, "reprise")


# --- Seen -----------------------------------------------------------------------------------------------------------

def alerted(file, why):
    Procuration.update(attention=why).where(Procuration.id == file.id).execute()
    return fresh(file)


@pytest.mark.parametrize("why", attention.SEEN_IS_ENOUGH)
def test_what_needs_nothing_leaves_the_list_once_seen(app, desk, why):
    procedure.valider(fresh(desk.first), desk.agent)
    version = alerted(desk.first, why).version
    screen = Desk(app, desk.agent).opens(FILE.format(desk.first.id)).presses("C’est vu")
    assert "n’est plus à revoir" in screen.said and fresh(desk.first).attention is None
    assert fresh(desk.first).version == version and Event.select().where(Event.act == "noter_vu").count() == 1
    assert screen.opens(GRID, flt_attention="any").rows == []
    alerted(desk.second, why)
    assert "C’est vu" not in screen.opens(FILE.format(desk.second.id)).said, "it is to be decided"


def test_a_place_lost_asks_for_an_act_and_every_act_clears_what_was_to_be_seen_L73(desk):
    procedure.valider(fresh(desk.first), desk.agent)
    alerted(desk.first, "place_perdue")
    assert "C’est vu" not in desk.client.get(FILE.format(desk.first.id)).text
    assert sends(desk, "vu", desk.first, attention="place_perdue").status_code == 409
    procedure.reprendre(fresh(desk.first), desk.agent)
    assert fresh(desk.first).attention is None
    alerted(desk.first, "tour_change")
    procedure.valider(fresh(desk.first), desk.agent)
    assert fresh(desk.first).attention is None


def test_something_else_that_happened_since_is_not_put_aside(desk):
    alerted(desk.first, "liste_changee")
    answer = sends(desk, "vu", desk.first, attention="mandataire_decline")
    assert answer.status_code == 409 and "autre chose a changé depuis" in answer.text
    assert fresh(desk.first).attention == "liste_changee"
    with pytest.raises(NotYours):
        attention.put_aside(desk.first, an_agent(commune=a_commune("75056")), "liste_changee")


def test_what_is_over_is_not_to_be_seen_again(desk):
    alerted(desk.first, "mandataire_decline")
    assert "À revoir" in desk.client.get("/admin/").text
    over = now().date() - datetime.timedelta(days=2)
    Procuration.update(valid_until=over).where(Procuration.id == desk.first.id).execute()
    assert "À revoir" not in desk.client.get("/admin/").text


# --- After the last day -----------------------------------------------------------------------------------------------

def test_nothing_is_decided_after_the_last_day(desk):
    """Design: the town hall may act until the end of the last day covered, on its own clock."""
    ends = scrutins.end_of(desk.second.valid_until, desk.second.commune)
    with time_machine.travel(ends - datetime.timedelta(seconds=2), tick=False):
        log_in(desk.client, agent=desk.agent)
        assert "À vérifier" in desk.client.get(FILE.format(desk.first.id)).text
        assert sends(desk, "valider", desk.first).status_code == 303
    with time_machine.travel(ends, tick=False):
        log_in(desk.client, agent=desk.agent)
        page = desk.client.get(FILE.format(desk.second.id)).text
        assert "Échue" in page and "<button" not in page.split('class="decision"')[1].split("</section>")[0]
        for act, fields in (("valider", {}), ("invalider", {"reason": "mandataire_inconnu", "confirmer": "1"}),
                            ("attribuer", {}), ("resilier", {})):
            answer = sends(desk, act, **fields)
            assert answer.status_code == 409 and "est échue" in answer.text
        assert sends(desk, "annuler", desk.first, reason="deces_du_mandataire").status_code == 409
        assert (fresh(desk.first).status, fresh(desk.second).status) == ("validee", "etablie")
        assert "Échue" in desk.client.get("/admin/procurations/").text
        tile = desk.client.get("/admin/").text.split("À vérifier")[1].split("</li>")[0]
        assert ">0<" in tile
