"""Agents come in by password, and choose it by a link that works once."""
import datetime
import re
import time
from dataclasses import replace

import pyotp
import pytest
import time_machine

from app import create_app
from models import Agent, Event, Mail, Role, SingleUse, WebSession, now
from portal import accounts, outbox, scrutins, second_factor
from portal.procedure import CLOCK
from portal.typography import loosen
from tests.engines import ONE_ENGINE
from tests.factories import PASSWORD, a_commune, a_voter, an_agent, an_officer, log_in

PHRASE = "seize caractères au moins"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


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
    tries = [(known.email, "faux"), ("inconnu@exemple.fr", PASSWORD), (suspended.email, "faux"),
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


def test_only_who_knows_the_password_hears_that_the_account_is_suspended(agent):
    answer = agent.logs_in(an_officer(suspended_at=now()).email)
    assert answer.status_code == 403 and "Ce compte est suspendu" in answer.text and not agent.is_in


@pytest.mark.parametrize("dates, opens", [((-1, 1), True), ((0, 0), True), ((None, None), True), ((1, None), False),
                                          ((None, -1), False)])
def test_a_manager_comes_in_and_stays_in_within_the_dates_of_the_delegation(agent, dates, opens):
    day = scrutins.today(a_commune())
    since, until = [None if of is None else day + datetime.timedelta(days=of) for of in dates]
    manager = an_agent(Role.MANAGER, delegated_from=since, delegated_until=until)
    answer = agent.logs_in(manager.email)
    assert (answer.status_code == 303) == agent.is_in == opens
    assert ("délégation du maire" in answer.text) != opens
    Agent.update(delegated_until=day - datetime.timedelta(days=1)).execute()
    assert not agent.is_in


@ONE_ENGINE
def test_known_unknown_and_suspended_accounts_are_refused_in_the_same_time(db):
    known, suspended = an_officer(), an_officer(suspended_at=now())
    took = {email: [] for email in (known.email, suspended.email, "inconnu@exemple.fr")}
    for place in range(7):
        for email, times in took.items():
            began = time.perf_counter()
            with pytest.raises(accounts.WrongPassword):
                accounts.authenticate(email, "faux", f"ici {place}")
            times.append(time.perf_counter() - began)
    quickest = sorted(min(times) for times in took.values())    # a machine at work makes others longer by chance
    assert quickest[-1] < quickest[0] * 3, took         # without a hash, thirty times


@pytest.mark.parametrize("email", ["connu@exemple.fr", "inconnu@exemple.fr"])
def test_after_five_wrong_passwords_each_further_one_waits_longer(db, email):
    an_officer(email="connu@exemple.fr")
    waited, at = [], now()
    with time_machine.travel(at, tick=False) as clock:
        for _ in range(5):
            with pytest.raises(accounts.WrongPassword):
                accounts.authenticate(email, "faux", "ici")
        for _ in range(8):
            with pytest.raises(accounts.TooManyPasswords) as early:
                accounts.authenticate(email, PASSWORD, "ici")
            waited.append(early.value.retry_after)
            clock.shift(early.value.retry_after)
            with pytest.raises(accounts.WrongPassword):
                accounts.authenticate(email, "faux", "ici")
    assert waited[0] == 1 and waited == sorted(waited) and waited[-1] == 60


def test_a_stranger_never_keeps_the_owner_out(app, agent):
    """Neither from another address, nor from the same one where this browser opened the account before."""
    owner = an_officer()
    agent.logs_in(owner.email)
    agent.client.delete_cookie("maprocuration")
    stranger = Browser(app)
    for _ in range(7):
        answer = stranger.logs_in(owner.email, "faux")
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) >= 1
    assert owner.email in answer.text and "Recommencez dans" in answer.text
    assert stranger.logs_in(owner.email).status_code == 429
    assert agent.logs_in(owner.email).status_code == 303
    assert accounts.authenticate(owner.email, PASSWORD, "ailleurs") == owner


def test_a_browser_is_known_to_its_own_account_only(app, agent):
    """Who has an account gets no more tries at those of others."""
    agent.logs_in(an_officer().email)
    agent.client.delete_cookie("maprocuration")
    victim = an_officer()
    for _ in range(7):
        answer = agent.logs_in(victim.email, "faux")
    assert answer.status_code == 429 and Browser(app).logs_in(victim.email).status_code == 429


def test_a_hundred_wrong_passwords_in_a_day_are_told_to_the_owner_once(db, monkeypatch):
    monkeypatch.setattr(accounts, "WRONG_A_DAY", accounts.WRONG_A_DAY._replace(most=3))
    owner = an_officer()
    for place in range(5):
        for email in (owner.email, "inconnu@exemple.fr"):
            with pytest.raises(accounts.WrongPassword):
                accounts.authenticate(email, "faux", f"ici {place}")
    told = Mail.get()
    assert (told.name, told.recipient) == ("essais_de_connexion", owner.email) and Mail.select().count() == 1
    assert "3 mots de passe faux" in outbox.render(told.name, told.context).text
    assert accounts.authenticate(owner.email, PASSWORD, "ici 0") == owner


def test_an_agent_has_three_sessions_at_most_and_the_one_used_longest_ago_ends(app):
    owner, browsers = an_officer(), [Browser(app) for _ in range(4)]
    for minutes, browser in zip((9, 6, 3, 0), browsers):
        with time_machine.travel(now() - datetime.timedelta(minutes=minutes), tick=False):
            browser.logs_in(owner.email)
    assert [browser.is_in for browser in browsers] == [False, True, True, True]
    assert now() - Agent.get_by_id(owner.id).seen_at < datetime.timedelta(minutes=1)


# The forgotten password

def asks_for_a_link(agent, email):
    answer = agent.sends("/connexion/mot-de-passe-oublie", email=email)
    return answer.status_code, answer.location, "Si un compte s’ouvre" in loosen(agent.client.get("/connexion").text)


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr("portal.pages.connexion.ANSWERED_AFTER", 0)


def mailed_link():
    mail = Mail.get(Mail.name == "mot_de_passe_oublie")
    return re.search(r"http://localhost(/mot-de-passe/\w+)", outbox.render(mail.name, mail.context).text)[1]


def test_a_forgotten_password_is_chosen_anew_by_a_link_that_lives_half_an_hour(agent, at_once):
    owner = an_officer()
    stranger = Browser(agent.client.application)
    log_in(stranger.client, agent=owner)
    asks_for_a_link(agent, owner.email.upper())
    with time_machine.travel(now() + datetime.timedelta(minutes=30), tick=False):
        assert agent.client.get(mailed_link()).status_code == 404
    assert agent.sends(mailed_link(), password=PHRASE, again=PHRASE).location == "/connexion"
    assert not stranger.is_in and agent.logs_in(owner.email, PHRASE).status_code == 303
    assert agent.client.get(mailed_link()).status_code == 404
    assert Event.select().where(Event.act == "mot_de_passe_oublie", Event.actor == owner.id).count() == 1


def test_a_link_does_not_stand_for_the_second_factor(agent, at_once):
    with time_machine.travel(now() - datetime.timedelta(hours=1), tick=False):
        owner = an_officer()
        second_factor.enrol(owner, SECRET, pyotp.TOTP(SECRET).now())
    asks_for_a_link(agent, owner.email)
    agent.sends(mailed_link(), password=PHRASE, again=PHRASE)
    assert agent.logs_in(owner.email, PHRASE).location == "/connexion/code" and not agent.is_in


def test_nothing_tells_whether_there_is_such_an_account(agent, at_once):
    an_officer(email="suspendu@exemple.fr", suspended_at=now())
    an_officer(email="proconnect@exemple.fr", password_hash=None, issuer="https://proconnect.example", sub="x")
    known = an_officer()
    asked = [asks_for_a_link(agent, email) for email in (
        known.email, "inconnu@exemple.fr", "suspendu@exemple.fr", "proconnect@exemple.fr", "' OR 1=1 --")]
    assert set(asked) == {(303, "/connexion", True)}
    assert [mail.recipient for mail in Mail.select()] == [known.email]


@ONE_ENGINE
def test_the_answer_takes_its_time_whether_a_link_is_drawn_or_not(agent):
    for email in (an_officer().email, "inconnu@exemple.fr"):
        agent.client.get("/connexion/mot-de-passe-oublie")
        began = time.perf_counter()
        asks_for_a_link(agent, email)
        assert time.perf_counter() - began >= 0.3


def test_three_links_an_hour_are_the_most_for_one_account(agent, at_once):
    owner = an_officer()
    assert {asks_for_a_link(agent, owner.email) for _ in range(5)} == {(303, "/connexion", True)}
    assert Mail.select().count() == 3


@ONE_ENGINE
def test_ten_links_an_hour_are_the_most_from_one_address(settings):
    client = create_app(replace(settings, shared_networks="")).test_client()
    client.application.config["WTF_CSRF_ENABLED"] = False
    answers = [client.post("/connexion/mot-de-passe-oublie", data={"email": ""}).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]


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
    assert "Demandez un nouveau lien" in agent.client.get(address).text and "oublie" in agent.client.get(address).text


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
