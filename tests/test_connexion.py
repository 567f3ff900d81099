"""Agents come in by password, and choose it by a link that works once."""
import datetime
import re

import pytest
import time_machine

from models import Agent, Event, Role, SingleUse, WebSession, now
from portal import accounts
from portal.procedure import CLOCK
from portal.typography import loosen
from tests.factories import PASSWORD, a_voter, an_agent, an_officer, log_in

PHRASE = "seize caractères au moins"


@pytest.fixture
def agent(app):
    """Somebody's browser."""
    return Browser(app)


class Browser:
    def __init__(self, app):
        self.client = app.test_client()

    def sends(self, address, **fields):
        """Fill the form of a page and send it, CSRF token included."""
        page = self.client.get(address).text
        token = re.search(r'method="post" novalidate>.*?name="csrf_token" value="([^"]+)"', page, re.S).group(1)
        return self.client.post(address, data={"csrf_token": token, **fields})

    def logs_in(self, email, password=PASSWORD):
        return self.sends("/connexion", email=email, password=password)

    @property
    def is_in(self):
        return self.client.get("/connexion").status_code == 303


@pytest.mark.parametrize("role", [Role.OFFICER, Role.COMMUNE, Role.MANAGER, Role.MINISTRY])
def test_an_agent_comes_in_to_the_back_office(agent, role):
    account = an_agent(role)
    answer = agent.logs_in(account.email.upper() + " ")
    assert (answer.status_code, answer.location) == (303, "/admin/")
    assert agent.is_in and WebSession.get().agent == account
    assert Event.select().where(Event.act == "connexion", Event.subject == "agent").count() == 1


def test_whatever_is_wrong_the_answer_is_the_same(agent):
    known, suspended, fresh = an_officer(), an_officer(suspended_at=now()), an_officer(password_hash=None)
    tries = [(known.email, "faux"), ("inconnu@exemple.fr", PASSWORD), (suspended.email, PASSWORD),
             (fresh.email, PASSWORD), (known.email, "x" * 10000), ("a" * 10000, "b"), ("' OR 1=1 --", "x")]
    answers = [agent.logs_in(*wrong) for wrong in tries]
    assert {answer.status_code for answer in answers} == {422}
    shown = {re.search(r'role="alert".*?</div>', answer.text, re.S).group() for answer in answers}
    assert len(shown) == 1 and "n’est pas le bon" in shown.pop()
    assert not agent.is_in and not WebSession.select().exists()


@pytest.mark.parametrize("fields, sentence", [
    ({}, "Saisissez votre adresse"), ({"email": "a@exemple.fr"}, "Saisissez le mot de passe"),
    ({"email": "a\x00@exemple.fr", "password": "x"}, "caractère invisible"),
    ({"email": "a\u202e@exemple.fr", "password": "x"}, "caractère invisible"),
    ({"email": ["a@exemple.fr", "b@exemple.fr"], "password": ["x", "y"]}, "n’est pas le bon")])
def test_bad_input_has_its_sentence(agent, fields, sentence):
    answer = agent.sends("/connexion", **fields)
    assert answer.status_code == 422 and sentence in answer.text
    assert "<title>Erreur : " in loosen(answer.text)


def test_the_address_is_kept_and_the_password_is_not(agent):
    answer = agent.logs_in("a@exemple.fr", "un-secret-tapé")
    assert 'value="a@exemple.fr"' in answer.text and "un-secret-tapé" not in answer.text


def test_a_refusal_is_logged_without_what_was_typed(agent, caplog):
    agent.logs_in("a@exemple.fr", "un-secret-tapé")
    assert "log-in was refused" in caplog.text
    assert "exemple.fr" not in caplog.text and "un-secret" not in caplog.text


def test_a_log_in_without_its_token_is_refused(agent):
    account = an_officer()
    assert agent.client.post("/connexion", data={"email": account.email, "password": PASSWORD}).status_code == 400


def test_a_voter_s_session_ends_only_when_the_password_is_right(agent):
    account = an_officer()
    log_in(agent.client, voter=a_voter())
    agent.logs_in(account.email, "faux")
    assert WebSession.get().voter
    agent.logs_in(account.email)
    assert WebSession.get().agent == account


def test_a_log_in_changes_the_cookie(agent):
    account = an_officer()
    agent.client.get("/connexion")
    before = agent.client.get_cookie("maprocuration").value
    agent.logs_in(account.email)
    agent.client.set_cookie("maprocuration", before)
    assert not agent.is_in


def test_log_out_leads_back_to_the_agents_page(agent):
    account = an_officer()
    log_in(agent.client, agent=account)
    agent.client.application.config["WTF_CSRF_ENABLED"] = False
    answer = agent.client.post("/deconnexion")
    assert (answer.status_code, answer.location) == (303, "/connexion")
    assert "Vous êtes déconnecté" in agent.client.get("/connexion").text
    assert not agent.is_in and not WebSession.select().exists()
    assert Event.select().where(Event.act == "deconnexion", Event.actor == account.id).count() == 1


def test_suspension_ends_the_session(agent):
    account = an_officer()
    agent.logs_in(account.email)
    Agent.update(suspended_at=now()).execute()
    assert not agent.is_in


# The link

@pytest.fixture
def invited(app):
    """An account without password, and its link."""
    account, token = accounts.create(CLOCK, email="nouvelle@exemple.fr", role=Role.OFFICER, first_name="Zoé",
                                     last_name="Martin")
    return account, f"/invitation/{token}"


def test_a_link_lets_its_agent_choose_a_password_once(agent, invited):
    account, address = invited
    assert account.email in agent.client.get(address).text
    answer = agent.sends(address, password=PHRASE, again=PHRASE)
    assert (answer.status_code, answer.location) == (303, "/connexion")
    assert "Votre mot de passe est enregistré" in agent.client.get("/connexion").text
    assert agent.logs_in(account.email, PHRASE).status_code == 303
    again = agent.client.get(address)
    assert again.status_code == 404 and "a déjà servi" in again.text


def test_a_new_password_ends_the_other_links_and_the_sessions_of_the_account(app, agent, invited):
    account, address = invited
    older, others = accounts.invite(account), accounts.invite(an_officer())
    stranger = Browser(app)
    log_in(stranger.client, agent=account)
    agent.sends(address, password=PHRASE, again=PHRASE)
    assert not stranger.is_in
    assert agent.client.get(f"/invitation/{older}").status_code == 404
    assert agent.client.get(f"/invitation/{others}").status_code == 200


@pytest.mark.parametrize("password, again, sentence", [
    ("", "", "Saisissez le mot de passe"), ("court", "court", "de 14 à 128 caractères"),
    ("x" * 129, "x" * 129, "de 14 à 128 caractères"), (PHRASE, PHRASE + "!", "ne sont pas les mêmes")])
def test_a_password_that_cannot_be_leaves_the_link_alive(agent, invited, password, again, sentence):
    account, address = invited
    answer = agent.sends(address, password=password, again=again)
    assert answer.status_code == 422 and sentence in answer.text
    assert agent.sends(address, password=PHRASE, again=PHRASE).status_code == 303


def test_dead_links_say_so(agent, invited):
    account, address = invited
    SingleUse.update(expires_at=now() - datetime.timedelta(seconds=1)).execute()
    for dead in (address, "/invitation/inconnu", "/invitation/%00", "/invitation/" + "x" * 5000):
        answer = agent.client.get(dead)
        assert answer.status_code == 404
    assert "Demandez un nouveau lien" in agent.client.get(address).text


def test_a_suspended_agent_s_link_is_dead(agent, invited):
    account, address = invited
    Agent.update(suspended_at=now()).execute()
    assert agent.client.get(address).status_code == 404


def test_what_can_serve_nobody_any_more_is_forgotten(db):
    agent = an_agent()
    for days in (0, 3):
        with time_machine.travel(now() - datetime.timedelta(days=days), tick=False):
            accounts.invite(agent)
            WebSession.create(token_hash=f"{days}" * 64, agent=agent, login="l")
    assert accounts.forget_expired() == 2
    assert [row.select().count() for row in (SingleUse, WebSession)] == [1, 1]
