"""Password, then code: nothing opens between the two, a code serves once, a recovery code helps once."""
import dataclasses
import datetime
import re

import pyotp
import pytest
import time_machine

from models import Agent, Event, Role, SingleUse, WebSession, database, now
from portal import accounts, passwords, sealed, second_factor, settings
from portal.procedure import CLOCK
from portal.second_factor import (AlreadyOn, CodeUsed, LogInOver, TooManyCodes, WrongCode, WrongRecoveryCode)
from portal.settings import use
from tests.factories import PASSWORD, a_voter, an_agent, an_officer, log_in
from tests.test_connexion import SECRET, Browser

HALF_A_MINUTE = datetime.timedelta(seconds=30)


def code(secret=SECRET, steps=0):
    """What an application shows, `steps` of 30 seconds from now."""
    return pyotp.TOTP(secret).at(now() + steps * HALF_A_MINUTE)


def protected(account=None):
    """An officer, or `account`, whose application has SECRET, with the recovery codes; long enough ago that no code is
    spent."""
    with time_machine.travel(now() - datetime.timedelta(hours=1), tick=False):
        account = account or an_officer()
        codes = second_factor.enrol(account, SECRET, code())
    return Agent.get_by_id(account.id), codes


def traces(act):
    return Event.select().where(Event.act == act).count()


@pytest.fixture
def agent(app):
    return Browser(app)


@pytest.fixture
def production(app, settings):
    """The rules of production, on this machine's settings."""
    yield use(dataclasses.replace(settings, env="production"))
    use(settings)


# --- The log-in -----------------------------------------------------------------------------------------------------

def test_password_then_code_open_the_back_office(agent):
    officer, _ = protected()
    answer = agent.logs_in(officer.email)
    assert (answer.status_code, answer.location) == (303, "/connexion/code")
    assert not agent.is_in and not WebSession.select().exists()
    answer = agent.sends("/connexion/code", code=code())
    assert (answer.status_code, answer.location) == (303, "/admin/") and agent.is_in
    assert traces("connexion") == 1


@pytest.mark.parametrize("shown", ["{0} {1}", " {0}\u00a0{1}\n", "{0}-{1}", "{0}.{1}"])
def test_a_code_is_taken_as_it_was_copied(agent, shown):
    officer, _ = protected()
    agent.logs_in(officer.email)
    assert agent.sends("/connexion/code", code=shown.format(code()[:3], code()[3:])).status_code == 303


def test_the_page_of_the_code_helps_to_type_it(agent):
    officer, _ = protected()
    agent.logs_in(officer.email)
    field = re.search(r'<input[^>]*name="code"[^>]*>', agent.client.get("/connexion/code").text).group()
    for attribute in ('autocomplete="one-time-code"', 'inputmode="numeric"', "autofocus", 'value=""'):
        assert attribute in field


@pytest.mark.parametrize("typed, sentence", [
    ("", "Tapez les six chiffres"), ("000000x", "n’est pas le bon"), ("٠٠٠٠٠٠", "n’est pas le bon"),
    ("\x00", "n’est pas le bon"), ("1" * 10000, "trop long"), ("123", "n’est pas le bon")])
def test_a_wrong_code_keeps_one_on_the_page(agent, typed, sentence):
    officer, _ = protected()
    agent.logs_in(officer.email)
    answer = agent.sends("/connexion/code", code=typed)
    assert answer.status_code == 422 and sentence in answer.text and "<title>Erreur" in answer.text
    assert not agent.is_in
    assert agent.sends("/connexion/code", code=code()).status_code == 303


def test_clocks_may_differ_by_one_step_and_no_more(db):
    officer, _ = protected()
    for steps in (-1, 1):
        second_factor.check(officer, code(steps=steps))
    for steps in (-2, 2):
        with pytest.raises(WrongCode):
            second_factor.check(officer, code(steps=steps))


def test_a_code_serves_once_whoever_gives_it(agent, app):
    officer, _ = protected()
    shown = code()
    agent.logs_in(officer.email)
    agent.sends("/connexion/code", code=shown)
    thief = Browser(app)
    thief.logs_in(officer.email)
    answer = thief.sends("/connexion/code", code=shown)
    assert answer.status_code == 422 and "vient de servir" in answer.text and not thief.is_in


def test_five_wrong_codes_close_the_account_to_codes_for_a_quarter_of_an_hour(agent, app):
    officer, codes = protected()
    thief = Browser(app)
    for attempt in range(5):
        if attempt in (0, 3):
            thief.logs_in(officer.email)    # who knows the password gives it as often as they like
        page = "/connexion/code" if attempt % 2 else "/connexion/code-de-secours"
        assert "Cinq codes faux" not in thief.sends(page, code="000000x").text
    agent.logs_in(officer.email)
    for page, right in (("/connexion/code", code()), ("/connexion/code-de-secours", codes[0])):
        answer = agent.sends(page, code=right)
        assert answer.status_code == 422 and "Cinq codes faux" in answer.text and not agent.is_in
    assert traces("code_refuse") == 5
    with time_machine.travel(now() + datetime.timedelta(minutes=15), tick=False):
        agent.logs_in(officer.email)
        assert agent.sends("/connexion/code", code=code()).status_code == 303


def test_right_codes_are_not_counted_and_another_account_is_not_closed(db):
    officer, codes = protected()
    for right in codes[:6]:
        second_factor.log_in(second_factor.await_code(officer), second_factor.use_recovery_code, right)
    for _ in range(5):
        with pytest.raises(WrongCode):
            second_factor.log_in(second_factor.await_code(officer), second_factor.check, "000000x")
    other = protected(an_officer())[0]
    second_factor.log_in(second_factor.await_code(other), second_factor.check, code())


def test_in_the_profile_codes_are_counted_too(db):
    officer, codes = protected()
    other = pyotp.random_base32()
    for _ in range(3):
        with pytest.raises(WrongCode):
            second_factor.enrol(officer, other, "000000x", replacing=True)
    for _ in range(2):
        with pytest.raises(WrongRecoveryCode):
            second_factor.confirm(officer, "AAAA")
    with pytest.raises(TooManyCodes):
        second_factor.confirm(officer, codes[0])
    with pytest.raises(TooManyCodes):
        second_factor.enrol(officer, other, code(other), replacing=True)


def test_codes_are_counted_at_a_first_log_in_too(db):
    officer, secret = an_officer(), pyotp.random_base32()
    token = second_factor.await_code(officer)
    for _ in range(5):
        with pytest.raises(WrongCode):
            second_factor.log_in_enrolling(token, secret, "000000x")
    with pytest.raises(TooManyCodes):
        second_factor.log_in_enrolling(token, secret, code(secret))


def test_no_transaction_waits_while_recovery_codes_are_hashed(db, monkeypatch):
    submit, under_way = passwords.HASHING.submit, []
    monkeypatch.setattr(passwords.HASHING, "submit", lambda *work: under_way.append(database.in_transaction())
                        or submit(*work))
    officer, _ = protected()
    second_factor.renew_recovery_codes(officer)
    assert under_way == [False] * 20


@pytest.mark.parametrize("page", ["/connexion/code", "/connexion/code-de-secours", "/connexion/activation"])
def test_without_the_password_no_page_of_the_second_factor_opens(agent, page):
    answer = agent.client.get(page)
    assert (answer.status_code, answer.location) == (303, "/connexion")


def test_the_password_is_remembered_for_ten_minutes(agent):
    officer, _ = protected()
    agent.logs_in(officer.email)
    with time_machine.travel(now() + datetime.timedelta(minutes=11), tick=False):
        assert agent.client.get("/connexion/code").location == "/connexion"


def test_the_password_opens_the_code_page_of_its_browser_only(agent, app):
    officer, _ = protected()
    agent.logs_in(officer.email)
    assert Browser(app).client.get("/connexion/code").location == "/connexion"


def test_a_suspension_between_password_and_code_closes_the_door(agent):
    officer, _ = protected()
    agent.logs_in(officer.email)
    Agent.update(suspended_at=now()).execute()
    assert agent.client.get("/connexion/code").location == "/connexion"


@pytest.mark.parametrize("change", [
    lambda agent: accounts.choose_password(accounts.invite(agent), "encore une phrase assez longue"),
    lambda agent: second_factor.reset(CLOCK, agent),
    lambda agent: (accounts.suspend(CLOCK, agent), accounts.reactivate(CLOCK, agent))])
def test_a_log_in_that_waits_for_its_code_ends_with_the_sessions(agent, change):
    """Else the thief of the old password would enrol a telephone of theirs for an account just made safe."""
    officer, _ = protected()
    agent.logs_in(officer.email)
    change(officer)
    for page in ("/connexion/code", "/connexion/code-de-secours", "/connexion/activation"):
        assert agent.client.get(page).location == "/connexion"


def test_nothing_of_the_back_office_opens_between_password_and_code(agent):
    officer, _ = protected()
    agent.logs_in(officer.email)
    for path in ("/admin/", "/admin/guichet/", "/admin/profil/"):
        assert agent.client.get(path).location == "/connexion"


def test_a_voter_keeps_their_session_until_the_code_is_right(agent):
    officer, _ = protected()
    log_in(agent.client, voter=a_voter())
    agent.logs_in(officer.email)
    assert WebSession.get().voter
    agent.sends("/connexion/code", code=code())
    assert WebSession.get().agent == officer


def test_the_waiting_log_in_serves_once(db):
    officer, _ = protected()
    token = second_factor.await_code(officer)
    second_factor.log_in(token, second_factor.check, code())
    with pytest.raises(LogInOver):
        second_factor.log_in(token, second_factor.check, code(steps=1))


# --- Recovery codes -------------------------------------------------------------------------------------------------

def test_a_recovery_code_opens_once(agent, app):
    officer, codes = protected()
    agent.logs_in(officer.email)
    answer = agent.sends("/connexion/code-de-secours", code=codes[3].lower().replace("-", " "))
    assert (answer.status_code, answer.location) == (303, "/admin/") and agent.is_in
    assert "Votre profil en donne de nouveaux" in agent.client.get("/admin/profil/").text
    other = Browser(app)
    other.logs_in(officer.email)
    answer = other.sends("/connexion/code-de-secours", code=codes[3])
    assert answer.status_code == 422 and "il a déjà servi" in answer.text and not other.is_in
    assert other.sends("/connexion/code-de-secours", code=codes[4]).status_code == 303


def test_recovery_codes_have_eighty_bits_and_leave_only_hashes(db):
    officer, codes = protected()
    assert len(set(codes)) == 10 and all(re.fullmatch("([A-Z2-7]{4}-?){4}", code) for code in codes)
    kept = " ".join(f"{row.hash} {row.subject}" for row in SingleUse.select())
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)


def test_a_recovery_code_is_its_agent_s(db):
    _, codes = protected()
    other, _ = protected()
    with pytest.raises(WrongRecoveryCode):
        second_factor.use_recovery_code(other, codes[0])


@pytest.mark.parametrize("typed", ["", "A" * 16, "'; DROP TABLE agent", "é" * 16, "\x00" * 16, "x" * 5000])
def test_what_is_no_recovery_code_is_refused(db, typed):
    officer, _ = protected()
    with pytest.raises(WrongRecoveryCode):
        second_factor.use_recovery_code(officer, typed)


def test_new_codes_replace_the_old_ones(db):
    officer, old = protected()
    new = second_factor.renew_recovery_codes(officer)
    with pytest.raises(WrongRecoveryCode):
        second_factor.use_recovery_code(officer, old[0])
    second_factor.use_recovery_code(officer, new[0])
    assert second_factor.recovery_codes_left(officer) == 9


# --- The secret -----------------------------------------------------------------------------------------------------

def test_the_database_alone_does_not_give_the_secret_away(db, settings):
    officer, _ = protected()
    assert SECRET not in officer.totp_secret
    use(dataclasses.replace(settings, secret_key="t" * 64))
    with pytest.raises(WrongCode):
        second_factor.check(officer, code())


def test_a_secret_moved_to_another_row_opens_nothing(db):
    officer, _ = protected()
    other = an_officer(totp_secret=officer.totp_secret, totp_since=now())
    with pytest.raises(WrongCode):
        second_factor.check(other, code())


def test_what_is_sealed_for_one_purpose_is_unreadable_for_another(db):
    kept = sealed.seal("totp", "clé")
    assert sealed.unseal("totp", kept) == "clé"
    for purpose, text in (("enrolment", kept), ("totp", kept[:-3]), ("totp", ""), ("totp", "é")):
        with pytest.raises(sealed.Unreadable):
            sealed.unseal(purpose, text)
    with time_machine.travel(now() + datetime.timedelta(minutes=2)), pytest.raises(sealed.Unreadable):
        sealed.unseal("totp", kept, datetime.timedelta(minutes=1))


def test_another_application_takes_the_place_of_the_first_where_that_is_meant(db):
    """Not where a log-in by password alone comes second."""
    officer, _ = protected()
    other = pyotp.random_base32()
    with pytest.raises(AlreadyOn):
        second_factor.log_in_enrolling(second_factor.await_code(officer), other, code(other))
    second_factor.enrol(officer, other, code(other), replacing=True)
    officer = Agent.get_by_id(officer.id)
    with pytest.raises(WrongCode):
        second_factor.check(officer, code())
    second_factor.check(officer, code(other, 1))


def test_the_code_that_enrols_is_spent(db):
    officer = an_officer()
    second_factor.enrol(officer, SECRET, code())
    with pytest.raises(CodeUsed):
        second_factor.check(Agent.get_by_id(officer.id), code())


# --- Production -----------------------------------------------------------------------------------------------------

def secret_on(page):
    return re.search(r'enrolment__secret">([A-Z2-7 ]+)<', page.text).group(1).replace(" ", "")


def test_in_production_the_first_log_in_enrols_before_anything_opens(agent, production):
    officer = an_officer()
    assert agent.logs_in(officer.email).location == "/connexion/activation"
    assert agent.client.get("/admin/").location == "/connexion"
    assert agent.client.get("/connexion/code").location == "/connexion/activation"
    secret = secret_on(agent.client.get("/connexion/activation"))
    assert secret == secret_on(agent.client.get("/connexion/activation")), "a reload shows the same"
    wrong = agent.sends("/connexion/activation", code="000000x")
    assert wrong.status_code == 422 and "n’est pas le bon" in wrong.text and secret == secret_on(wrong)
    page = agent.sends("/connexion/activation", code=code(secret))
    codes = re.findall("(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", page.text)
    assert page.status_code == 200 and len(codes) == 10 and agent.is_in
    assert second_factor.is_on(Agent.get_by_id(officer.id)) and traces("second_facteur") == 1


def test_in_production_the_next_log_in_asks_for_the_code(agent, production):
    officer, _ = protected()
    assert agent.logs_in(officer.email).location == "/connexion/code"
    assert agent.client.get("/connexion/activation").location == "/connexion/code"


def test_the_demonstration_lets_its_visitor_in_by_the_password(agent):
    assert settings.active().env == "demo"
    assert agent.logs_in(an_agent(Role.COMMUNE).email).location == "/admin/"


def test_the_picture_says_what_the_key_says(db):
    officer = an_officer()
    picture = second_factor.picture(officer, SECRET)
    assert picture.startswith("data:image/svg+xml") and SECRET not in picture
    assert second_factor.in_groups(SECRET) == "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP"


def test_whoever_types_right_after_a_wrong_password_learns_nothing(agent):
    officer, _ = protected()
    wrong, unknown = agent.logs_in(officer.email, "faux"), agent.logs_in("inconnu@exemple.fr", PASSWORD)
    shown = {re.search(r'role="alert".*?</div>', answer.text, re.S).group() for answer in (wrong, unknown)}
    assert len(shown) == 1 and agent.client.get("/connexion/code").location == "/connexion"


def test_the_last_of_the_ministry_is_let_in_again_by_a_command(app):
    agent, _ = protected(an_agent(Role.MINISTRY))
    run = app.test_cli_runner().invoke
    assert run(args=["agents", "reset-second-factor", agent.email.upper()]).exit_code == 0
    assert not second_factor.is_on(Agent.get_by_id(agent.id))
    assert run(args=["agents", "reset-second-factor", "personne@exemple.fr"]).exit_code == 1


def test_the_first_account_is_not_made_twice(app):
    run = app.test_cli_runner().invoke
    command = ["agents", "first", "a@exemple.fr", "--first-name", "A", "--last-name", "B"]
    assert "/invitation/" in run(args=command).output
    assert "already" in run(args=command).output
