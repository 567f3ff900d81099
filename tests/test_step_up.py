"""Before what matters most an agent proves anew who they are: nothing opens without, and nothing typed is lost."""
import datetime
import re

import pytest
import time_machine

from models import Agent, Event, Role, WebSession, now
from portal import step_up
from tests.engines import ONE_ENGINE
from tests.factories import PASSWORD, a_procuration, an_agent, an_officer, log_in
from tests.test_back_office import Desk
from tests.test_second_factor import code, protected

GRID = "/admin/comptes/"
NEW = {"email": "sam.roy@exemple.fr", "first_name": "Sam", "last_name": "Roy", "role": "commune"}
CONFIRM = "Confirmez que c’est vous"


@pytest.fixture
def manager(app):
    """Of a town hall, with a second factor; the last proof is ten minutes old."""
    return stale(Desk(app, protected(an_agent(Role.MANAGER))[0]))


def stale(desk):
    WebSession.update(proved_at=now() - step_up.FRESH).where(WebSession.agent == desk.agent).execute()
    return desk


def made():
    return Agent.select().where(Agent.email == NEW["email"]).count()


def test_a_page_asked_for_opens_after_the_proof(manager):
    manager.opens(f"{GRID}new/?x=1")
    assert manager.title == CONFIRM and "email" not in manager.text
    manager.presses("Confirmer", preuve_code=code())
    assert manager.page.request.full_path == f"{GRID}new/?x=1" and 'name="email"' in manager.text


def test_what_was_posted_goes_on_with_the_proof_and_nothing_was_written_before(manager):
    manager.opens(f"{GRID}new/").presses("Confirmer", preuve_code=code())
    stale(manager).presses("Envoyer l’invitation", **NEW)
    assert manager.title == CONFIRM and "est gardé" in manager.said and made() == 0
    with time_machine.travel(now() + datetime.timedelta(minutes=1), tick=False):
        manager.presses("Confirmer", preuve_code="000000x")
        assert manager.page.status_code == 422 and manager.title == f"Erreur : {CONFIRM}" and made() == 0
        manager.presses("Confirmer", preuve_code=code())
    assert made() == 1


def test_values_of_one_name_are_all_carried(manager):
    colleagues = [an_agent(Role.COMMUNE) for _ in range(2)]
    manager.opens(GRID).presses("Suspendre la sélection…", rowid=[each.id for each in colleagues])
    assert manager.title == CONFIRM
    assert [manager.text.count(f'name="rowid" value="{each.id}"') for each in colleagues] == [1, 1]
    assert Agent.select().where(Agent.suspended_at.is_null(False)).count() == 0


def test_what_is_secret_is_typed_again(manager):
    """No page carries a password back to the browser."""
    manager.opens("/admin/profil/mot-de-passe").presses("Confirmer", preuve_code=code())
    stale(manager).presses("Changer le mot de passe", current=PASSWORD, password="secret 1", again="secret 1")
    assert manager.title == CONFIRM and PASSWORD not in manager.text and "secret 1" not in manager.text
    with time_machine.travel(now() + datetime.timedelta(minutes=1), tick=False):
        manager.presses("Confirmer", preuve_code=code())
    assert manager.page.request.path == "/admin/profil/mot-de-passe" and manager.title == "Changer mon mot de passe"


def test_a_log_in_is_a_proof_for_ten_minutes(app):
    desk = Desk(app, an_agent(Role.MANAGER))
    assert desk.opens(f"{GRID}new/").title != CONFIRM
    with time_machine.travel(now() + step_up.FRESH, tick=False):
        assert desk.opens(f"{GRID}new/").title == CONFIRM


def test_where_there_is_no_second_factor_the_password_is_a_proof(app):
    desk = stale(Desk(app, an_agent(Role.MANAGER))).opens(f"{GRID}new/")
    desk.presses("Confirmer", preuve_mot_de_passe="faux")
    assert desk.page.status_code == 422 and "pas votre mot de passe" in desk.said
    assert desk.presses("Confirmer", preuve_mot_de_passe=PASSWORD).page.request.path == f"{GRID}new/"


def test_the_password_proves_nothing_where_there_is_a_second_factor(manager):
    manager.opens(f"{GRID}new/").presses("Confirmer", preuve="password", preuve_mot_de_passe=PASSWORD)
    assert manager.title == CONFIRM


def test_five_wrong_proofs_are_the_most(manager):
    manager.opens(f"{GRID}new/")
    for _ in range(5):
        manager.presses("Confirmer", preuve_code="000000x")
    assert "Cinq codes faux" in manager.presses("Confirmer", preuve_code=code()).said
    assert manager.opens(f"{GRID}new/").title == CONFIRM


def test_a_recovery_code_is_a_proof_once(app):
    agent, codes = protected()
    desk = stale(Desk(app, agent)).opens("/admin/profil/mot-de-passe").presses("Confirmer", preuve_code=codes[0])
    assert desk.title == "Changer mon mot de passe"
    stale(desk).opens("/admin/profil/mot-de-passe").presses("Confirmer", preuve_code=codes[0])
    assert desk.page.status_code == 422


def test_a_proof_is_of_its_own_session(app, manager):
    other = stale(Desk(app, manager.agent))
    manager.opens(f"{GRID}new/").presses("Confirmer", preuve_code=code())
    assert other.opens(f"{GRID}new/").title == CONFIRM


def test_an_export_of_many_rows_wants_a_proof_and_one_of_few_does_not(manager, monkeypatch):
    a_procuration("etablie")
    assert manager.opens("/admin/procurations/export/csv/").page.mimetype == "text/csv"
    monkeypatch.setattr("admin_views.export.MOST_UNPROVED", 0)
    assert manager.opens("/admin/procurations/export/csv/", flt_status="etablie").title == CONFIRM
    assert Event.select().where(Event.act == "exporter").count() == 1
    assert manager.presses("Confirmer", preuve_code=code()).page.mimetype == "text/csv"


@pytest.mark.parametrize("where", ["//evil.example", "https://evil.example", "/\\evil.example", "/%0d%0a/x y",
                                   "javascript:alert(1)", "/admin/\x00", ""])
def test_the_way_back_leads_nowhere_else(manager, where):
    manager.opens(f"{GRID}new/").presses("Confirmer", follow=False, preuve_code=code(), preuve_suite=where)
    assert manager.page.location == "/admin/"


WANTED = {
    "agents.create_view", "agents.edit_view", "agents.action_view", "agents.inviter_view",
    "agents.double_authentification_view", "comptes.create_view", "comptes.edit_view", "comptes.action_view",
    "comptes.inviter_view", "comptes.double_authentification_view", "profil.mot_de_passe",
    "profil.double_authentification", "profil.codes_de_secours", "agents.proconnect_view", "comptes.proconnect_view",
    "cles.ajouter", "cles.renommer", "cles.retirer", "communes.edit_view", "communes.inviter_view", "imports.envoyer",
    "imports.confirmer", "imports.inviter", "scrutins.create_view", "scrutins.edit_view",
    *(f"{grid}.{act}_view" for grid in ("tours", "jours", "regles") for act in ("create", "edit", "delete"))}


def test_what_wants_a_proof_is_known(app):
    """Accounts, roles, addresses, suspensions, second factors, passwords; and what a whole country votes by."""
    views = {f"{view.endpoint}.{method}": getattr(view, method) for view in app.extensions["admin"][0]._views
             for _, method, _ in view._urls}
    assert {name for name, view in views.items() if getattr(view, "step_up", False)} == WANTED


@ONE_ENGINE
@pytest.mark.parametrize("role", [Role.MINISTRY, Role.MANAGER, Role.OFFICER])
def test_no_post_of_the_back_office_gets_past_the_proof(app, role):
    """Each route that wants one, posted by a session whose proof is old: a form, JSON, nothing, half a proof."""
    app.config["WTF_CSRF_ENABLED"] = False
    agent = protected(an_agent(role) if role != Role.OFFICER else an_officer())[0]
    client, before = app.test_client(), Agent.select().count()
    log_in(client, agent=agent)
    WebSession.update(proved_at=now() - step_up.FRESH).execute()
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint in WANTED and "POST" in rule.methods]
    for rule in rules:
        address = re.sub("<.*?>", "1", rule.rule)
        for sent in ({}, {"data": {"id": agent.id, "preuve": "code"}}, {"json": {"preuve": "code"}},
                     {"data": {"preuve": "passkey", "preuve_cle": "{}"}}, {"data": {"preuve_suite": address}}):
            answer = client.post(f"{address}?id={agent.id}&preuve=code&preuve_code={code()}", **sent)
            assert answer.status_code == 404 or CONFIRM in answer.text, (address, sent)
    assert WebSession.get().proved_at < now() - step_up.FRESH and Agent.select().count() == before
    assert not Event.select().where(Event.act.not_in(["second_facteur", "connexion"])).exists()


def test_nobody_else_has_such_a_page(app):
    assert app.test_client().post("/connexion/preuve").status_code == 400
    client = app.test_client()
    log_in(client, agent=an_officer())
    assert client.get("/connexion/preuve").status_code == 405
