"""An agent's own account: who they are, their password, their second factor, their sessions."""
import re

import pyotp
import pytest
import time_machine

from models import Agent, Event, Role, WebSession, now
from portal import accounts, second_factor, sessions
from portal.devices import device
from tests.factories import PASSWORD, a_voter, an_agent, an_officer, log_in
from tests.test_back_office import Desk
from tests.test_second_factor import HALF_A_MINUTE, code, protected, secret_on

PROFILE = "/admin/profil/"
PHRASE = "encore une phrase assez longue"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.fixture
def officer(app):
    return Desk(app, an_officer(last_name="Martin"))


def another_session(desk):
    """The same agent elsewhere."""
    return Desk(desk.client.application, desk.agent)


@pytest.mark.parametrize("role", [Role.OFFICER, Role.COMMUNE, Role.MANAGER, Role.MINISTRY])
def test_every_agent_reads_who_they_are(app, role):
    desk = Desk(app, an_agent(role, quality="adjointe"))
    desk.opens(PROFILE)
    assert desk.page.status_code == 200
    assert all(text in desk.said for text in (desk.agent.name, desk.agent.email, "adjointe", "Inactive"))
    assert ("Lyon (69)" in desk.said) == (role in (Role.COMMUNE, Role.MANAGER))


def test_the_header_leads_to_the_profile(officer):
    officer.opens("/admin/guichet/").follows(officer.agent.name)
    assert officer.page.request.path == PROFILE


def test_a_voter_has_no_such_page(app):
    client = app.test_client()
    log_in(client, voter=a_voter())
    assert client.get(PROFILE).status_code == 404


# --- The password ---------------------------------------------------------------------------------------------------

def test_a_new_password_wants_the_current_one_and_ends_the_other_sessions(officer):
    other = another_session(officer)
    link = accounts.invite(officer.agent)
    officer.opens(PROFILE).follows("Changer mon mot de passe")
    officer.presses("Changer le mot de passe", current=PASSWORD, password=PHRASE, again=PHRASE)
    assert officer.page.request.path == PROFILE and "Votre mot de passe est changé" in officer.said
    assert other.opens(PROFILE).page.request.path == "/connexion"
    assert accounts.authenticate(officer.agent.email, PHRASE) == officer.agent
    with pytest.raises(accounts.LinkDead):
        accounts.invited(link)


@pytest.mark.parametrize("fields, sentence", [
    ({"current": "faux"}, "pas votre mot de passe actuel"), ({"current": ""}, "votre mot de passe actuel"),
    ({"password": "court", "again": "court"}, "de 14 à 128"), ({"again": "autre"}, "ne sont pas les mêmes"),
    ({"password": "", "again": ""}, "Saisissez le mot de passe"), ({"current": "\x00"}, "pas votre mot de passe")])
def test_a_bad_new_password_changes_nothing(officer, fields, sentence):
    other = another_session(officer)
    officer.opens(PROFILE + "mot-de-passe").presses(
        "Changer le mot de passe", **{"current": PASSWORD, "password": PHRASE, "again": PHRASE, **fields})
    assert officer.page.status_code == 422 and sentence in officer.said
    assert accounts.authenticate(officer.agent.email, PASSWORD)
    assert other.opens(PROFILE).page.request.path == PROFILE


# --- The second factor ----------------------------------------------------------------------------------------------

def test_an_agent_turns_the_second_factor_on(officer):
    officer.opens(PROFILE).follows("Activer la double authentification")
    assert "Plus tard" in officer.said
    secret = secret_on(officer.page)
    officer.presses("Activer", code="000000x")
    assert officer.page.status_code == 422 and secret_on(officer.page) == secret
    officer.presses("Activer", code=code(secret))
    codes = re.findall("(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", officer.text)
    assert len(codes) == 10
    assert "Active depuis" in officer.follows("C’est noté").said.replace("\n", " ")
    assert not any(shown in officer.text for shown in codes)


def test_another_telephone_takes_the_place_of_the_first(app):
    desk = Desk(app, protected()[0])
    desk.opens(PROFILE).follows("Changer de téléphone")
    secret = secret_on(desk.page)
    desk.presses("Changer d’application", code="000000x")
    assert desk.page.status_code == 422 and "n’est pas le bon" in desk.said
    assert desk.presses("Changer d’application", code=code(secret)).page.status_code == 200
    with time_machine.travel(now() + HALF_A_MINUTE, tick=False):
        second_factor.check(Agent.get_by_id(desk.agent.id), code(secret))


def test_a_secret_shown_to_one_agent_enrols_no_other(app, officer):
    officer.opens(PROFILE + "double-authentification")
    secret = secret_on(officer.page)
    with officer.client.session_transaction() as cookie:
        kept = cookie["enrolment"]
    other = Desk(app, an_officer())
    with other.client.session_transaction() as cookie:
        cookie["enrolment"] = kept
    assert secret_on(other.opens(PROFILE + "double-authentification").page) != secret


def test_new_recovery_codes_are_shown_once(app):
    agent, old = protected()
    desk = Desk(app, agent)
    desk.opens(PROFILE).follows("Obtenir de nouveaux codes").presses("Afficher de nouveaux codes")
    new = re.findall("(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", desk.text)
    assert len(new) == 10 and not set(new) & set(old)
    assert Event.select().where(Event.act == "codes_de_secours").count() == 1


def test_the_profile_counts_the_codes_left(app):
    agent, codes = protected()
    desk = Desk(app, agent)
    assert "encore servi : 10" in desk.opens(PROFILE).said
    for used in codes:
        second_factor.use_recovery_code(agent, used)
    assert "plus aucun code de secours" in desk.opens(PROFILE).said


def test_who_has_no_second_factor_is_shown_no_recovery_codes(officer):
    assert officer.opens(PROFILE + "codes-de-secours").page.request.path == PROFILE + "double-authentification"


# --- Sessions -------------------------------------------------------------------------------------------------------

def test_sessions_are_listed_with_their_device(app, officer):
    with app.test_request_context(headers={"User-Agent": WINDOWS}):
        sessions.begin(agent=officer.agent)
    an_officer_elsewhere = Desk(app, an_officer())
    officer.opens(PROFILE)
    assert "Firefox, Windows" in officer.said and officer.said.count("Cette session") == 1
    assert officer.text.count('name="session"') == 1
    assert an_officer_elsewhere.opens(PROFILE).text.count('name="session"') == 0


def test_one_session_is_ended(officer):
    first, second = another_session(officer), another_session(officer)
    name = WebSession.select().order_by(WebSession.started_at)[1].login
    officer.opens(PROFILE).presses("Fermer toutes mes autres sessions", session=name)
    assert "La session est fermée" in officer.said
    assert [desk.opens(PROFILE).page.request.path for desk in (first, second)] == ["/connexion", PROFILE]


def test_all_other_sessions_are_ended(officer):
    others = [another_session(officer) for _ in range(3)]
    officer.opens(PROFILE).presses("Fermer toutes mes autres sessions")
    assert officer.opens(PROFILE).page.request.path == PROFILE
    assert {desk.opens(PROFILE).page.request.path for desk in others} == {"/connexion"}
    assert Event.select().where(Event.act == "fermer_sessions").count() == 1


def test_nobody_ends_the_session_of_another(app, officer):
    stranger = Desk(app, an_officer())
    another_session(officer)
    name = WebSession.get(WebSession.agent == stranger.agent).login
    officer.opens(PROFILE).presses("Fermer toutes mes autres sessions", session=name)
    assert stranger.opens(PROFILE).page.request.path == PROFILE


@pytest.mark.parametrize("said, heard", [
    (WINDOWS, "Firefox, Windows"),
    ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0",
     "Edge, Windows"),
    ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36",
     "Chrome, Android"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Safari/604.1",
     "Safari, iPhone"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox, Linux"),
    ("curl/8.5", ""), ("", ""), ("<script>", "")])
def test_a_device_is_told_in_two_words(said, heard):
    assert device(said) == heard


def test_a_code_is_not_asked_for_the_wrong_application(db):
    agent, _ = protected()
    with pytest.raises(second_factor.WrongCode):
        second_factor.check(agent, code(pyotp.random_base32()))
