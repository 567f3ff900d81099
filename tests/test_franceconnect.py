"""FranceConnect's voters come in and leave, against the running stand-in and each of its faults.

What an integration must handle (the numbers are those of the list the portal was built to):
 1 replay, reload, code after log-out       test_a_reload…, test_an_answer_kept_until_after_log_out…
 2 log-in CSRF                              test_somebody_else_s_answer…, test_a_log_in_begins_by_a_protected_post
 3 session fixation, next                   test_a_log_in_changes_the_cookie, test_only_our_own_pages…
 4 another person in the same browser       test_another_person…, test_a_voter_takes_the_place_of_an_agent
 5 double click, two tabs                   test_a_double_click…, test_two_tabs…, test_a_dead_code…
 6 no-store, no-referrer                    test_nothing_of_a_log_in_is_kept_by_browsers
 7, 8 outages, HTML answered with 200       test_an_outage…, test_a_hanging…, test_other_pages_answer…
 9 key rotation                             test_new_keys…, test_keys_that_cannot_be_read…
10 clock skew                               test_a_minute_of_difference…
11 cancel                                   test_giving_up…
12 hard identities                          test_every_sample_person…, test_an_identity…, test_a_presumed_date…
13 changed civil status                     test_a_new_civil_status_is_a_new_voter
14 log-out of both                          test_log_out…
15, 16 iss of the callback, acr             test_a_tampered_answer…
17 logs                                     test_logs_hold_no_claim_code_or_token
19 settings                                 tests/test_settings.py
20 open redirect                            test_only_our_own_pages…
"""
import hashlib
import html
import logging
import re
import threading
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from demo import tokens
from demo.franceconnect import running_provider
from demo.identities import IDENTITIES
from demo.visitor import Visitor
from models import Event, Procuration, SingleUse, Voter, WebSession
from portal import attempts, oidc
from portal.settings import Settings, use
from tests.engines import LOOPBACK, ONE_ENGINE
from tests.factories import a_commune, a_procuration, a_scrutin, a_voter, an_officer, fresh, log_in
from tests.voter import SOUND, Page

RETURN, HOME = "http://localhost/franceconnect/retour", "http://localhost/"
SECRET = "c" * 64
TAMPERED = sorted({*tokens.WRONG_CLAIMS, *tokens.WRONG_USERINFO, *tokens.ID_TOKEN_SIGNATURES,
                   *tokens.USERINFO_SIGNATURES, "no_id_token", "wrong_callback_iss", "no_callback_iss"})
OUTAGES = [f"{endpoint}_{how}" for endpoint in ("discovery", "jwks", "token", "userinfo") for how in ("500", "html")]
HANGS = [f"{endpoint}_hangs" for endpoint in ("discovery", "jwks", "token", "userinfo")]


@pytest.fixture(scope="module")
def running():
    with running_provider("maprocuration-demo", SECRET, [RETURN], [HOME]) as (_, provider):
        yield provider


@pytest.fixture
def franceconnect(running):
    running.fault, running.identities = None, {identity.login: identity for identity in IDENTITIES}
    yield running
    running.fault = None


@pytest.fixture
def settings(database_url, franceconnect, tmp_path):
    return use(Settings(database_url=database_url, secret_key="s" * 64, journal_key="j" * 64, base_url=HOME[:-1],
                        mail_url=f"mailbox:{tmp_path}", franceconnect_issuer=franceconnect.issuer,
                        franceconnect_client_secret=SECRET, shared_networks=LOOPBACK))


@pytest.fixture
def unprotected(app):
    """CSRF is tested once, below; here it would only hide the acts."""
    app.config["WTF_CSRF_ENABLED"] = False
    return app


@pytest.fixture
def camille(unprotected):
    return Person(unprotected)


@pytest.fixture
def sacha(unprotected):
    return Person(unprotected)


class Person:
    """Somebody with a browser: what they do at the portal and at FranceConnect."""

    door, inside = "/franceconnect/connexion", "/mes-procurations"

    def __init__(self, app):
        self.portal, self.franceconnect = app.test_client(), Visitor()

    def leaves_for_franceconnect(self, **fields):
        """The address the portal's page goes on to."""
        page = self.portal.post(self.door, data=fields)
        assert page.status_code == 200
        return link(page)

    def chooses(self, login="durand", **fields):
        """The address FranceConnect sends the browser back to."""
        return self.franceconnect.chooses(self.leaves_for_franceconnect(**fields), login)

    def comes_back(self, address):
        return self.portal.get(address)

    def logs_in(self, login="durand", **fields):
        return self.comes_back(self.chooses(login, **fields))

    def logs_out(self):
        return self.portal.post("/deconnexion")

    @property
    def is_in(self):
        return self.portal.get(self.inside).status_code == 200

    @property
    def cookie(self):
        return self.portal.get_cookie("maprocuration").value


def link(page):
    """Where a page that goes on by itself leads, by itself and by its link."""
    address = html.unescape(re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page.text).group(1))
    assert f'href="{html.escape(address)}"' in page.text
    return address


def asked(address):
    return {name: value for name, [value] in parse_qs(urlsplit(address).query).items()}


def says(page, sentence, status):
    assert page.status_code == status
    assert sentence in page.text
    return True


def begins_again(page):
    return says(page, "Recommencer", 400)


def is_an_outage(page):
    assert int(page.headers["Retry-After"]) > 0
    return says(page, "sur papier", 503)


def calls(franceconnect, endpoint):
    return [call for call in franceconnect.seen if call[1] == endpoint]


# Coming in

def test_a_voter_comes_in(camille, franceconnect):
    answer = camille.logs_in()
    assert (answer.status_code, answer.location) == (303, "/demande")
    assert camille.is_in
    voter = Voter.get()
    assert (voter.issuer, voter.sub) == (franceconnect.issuer, franceconnect.sub_of("durand"))
    assert (voter.birth_name, voter.first_names, voter.birth_date) == ("DURAND", "Camille Jeanne", "1985-04-12")
    assert Event.select().where(Event.act == "connexion", Event.subjects == str(voter.id)).count() == 1


def test_the_evidence_of_the_log_in_is_kept_with_the_request_and_no_token(camille, franceconnect):
    a_commune()
    tour = a_scrutin().tours.first()
    camille.logs_in()
    kept = WebSession.get().evidence
    assert (kept["acr"], kept["iss"]) == ("eidas1", franceconnect.issuer) and kept["auth_time"] and kept["at_hash"]
    assert kept["sub"] == hashlib.sha256(franceconnect.sub_of("durand").encode()).hexdigest()
    fields = {**Page(camille.portal.get("/demande").text).fields(), **SOUND, "tours": str(tour.id), "confirmer": "oui"}
    assert camille.portal.post("/demande", data=fields).status_code == 303
    assert Procuration.get().evidence == kept


@ONE_ENGINE
def test_what_is_asked_is_what_franceconnect_allows(camille):
    sent = asked(camille.leaves_for_franceconnect())
    assert set(sent) == {"client_id", "response_type", "redirect_uri", "scope", "state", "nonce", "acr_values"}
    assert len(sent["state"]) >= 32 and len(sent["nonce"]) >= 32
    assert (sent["acr_values"], sent["redirect_uri"]) == ("eidas1", RETURN)


def test_a_second_log_in_is_the_same_voter_brought_up_to_date(camille):
    camille.logs_in()
    Voter.update(email="ancienne@exemple.fr").execute()
    camille.logs_out()
    camille.logs_in()
    assert Voter.get().email == "camille.durand@example.org"


def test_who_has_files_lands_on_them(camille, unprotected):
    camille.logs_in()
    a_procuration(voter=Voter.get())
    assert camille.logs_in().location == "/mes-procurations"


@ONE_ENGINE
@pytest.mark.parametrize("suite, landing", [
    ("/mes-procurations", "/mes-procurations"), ("/demande", "/demande"), ("", "/demande"),
    ("/admin/", "/demande"), ("//evil.example", "/demande"), ("/\\evil.example", "/demande"),
    ("https:evil.example", "/demande"), ("/%09/evil.example", "/demande"), ("/demande/../admin", "/demande"),
    ("/demande\r\nX: y", "/demande")])
def test_only_our_own_pages_follow_a_log_in(camille, suite, landing):
    assert camille.logs_in(suite=suite).location == landing


@ONE_ENGINE
def test_a_log_in_begins_by_a_protected_post(app):
    visitor = app.test_client()
    assert visitor.get("/franceconnect/connexion").status_code == 405
    assert visitor.post("/franceconnect/connexion").status_code == 400
    assert not SingleUse.select().exists()


def test_a_log_in_changes_the_cookie(camille):
    address = camille.chooses()
    before = camille.cookie
    camille.comes_back(address)
    assert camille.cookie != before
    camille.portal.set_cookie("maprocuration", before)
    assert not camille.is_in


@ONE_ENGINE
def test_nothing_of_a_log_in_is_kept_by_browsers(camille):
    departure = camille.portal.post("/franceconnect/connexion")
    back = camille.comes_back(camille.franceconnect.chooses(link(departure), "durand"))
    for page in (departure, back, camille.logs_out()):
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"


# Answers that come twice, late, or to somebody else

def test_a_reload_of_the_answer_asks_franceconnect_nothing(camille, franceconnect):
    address = camille.chooses()
    camille.comes_back(address)
    franceconnect.seen.clear()
    SingleUse.update(expires_at=attempts.now() - attempts.LIFE).execute()  # a quarter of an hour later too
    again = camille.comes_back(address)
    assert (again.status_code, again.location) == (303, "/demande")
    assert not calls(franceconnect, "token") and camille.is_in


def test_an_answer_kept_until_after_log_out_opens_nothing(camille, franceconnect):
    address = camille.chooses()
    camille.comes_back(address)
    camille.logs_out()
    franceconnect.seen.clear()
    assert begins_again(camille.comes_back(address))
    assert not camille.is_in and not calls(franceconnect, "token")


def test_somebody_else_s_answer_is_refused_even_during_a_log_in_of_one_s_own(camille, sacha):
    address = sacha.chooses()
    mine = camille.chooses("petit")
    assert begins_again(camille.comes_back(address))
    assert not camille.is_in
    assert sacha.comes_back(address).status_code == 303
    assert camille.comes_back(mine).status_code == 303


def test_a_double_click_shares_one_log_in(camille, franceconnect, monkeypatch):
    twin = clicks_twice(camille, franceconnect, monkeypatch)
    assert camille.cookie != twin.cookie and WebSession.select().count() == 2
    camille.logs_out()
    assert not twin.is_in


def clicks_twice(person, provider, monkeypatch):
    """The second time while the first is at work; returns the browser as the second answer leaves it."""
    address, twin = person.chooses(), type(person)(person.portal.application)
    twin.portal.set_cookie("maprocuration", person.cookie)
    slow(provider, monkeypatch, seconds=0.7)
    provider.seen.clear()
    answers = []
    first = threading.Thread(target=lambda: answers.append(person.comes_back(address)))
    first.start()
    time.sleep(0.3)
    answers.append(twin.comes_back(address))
    first.join(15)
    assert [answer.status_code for answer in answers] == [303, 303] and len(calls(provider, "token")) == 1
    assert person.is_in and twin.is_in
    return twin


def slow(franceconnect, monkeypatch, seconds):
    signed = franceconnect.userinfo

    def later(grant):
        time.sleep(seconds)
        return signed(grant)
    monkeypatch.setattr(franceconnect, "userinfo", later)


def test_the_second_click_is_told_at_once_when_the_first_fails(camille, franceconnect):
    address = camille.chooses()
    franceconnect.fault = "token_500"
    assert is_an_outage(camille.comes_back(address))
    franceconnect.fault = None
    began = time.monotonic()
    assert begins_again(camille.comes_back(address))
    assert time.monotonic() - began < 3


def test_the_second_click_does_not_wait_for_ever(camille, monkeypatch):
    monkeypatch.setattr(attempts, "PATIENCE", 0.5)
    address = camille.chooses()
    SingleUse.update(used_at=attempts.now()).execute()  # the first one is at work, in a process that died
    began = time.monotonic()
    assert begins_again(camille.comes_back(address))
    assert time.monotonic() - began < 5


def test_an_old_answer_waits_for_nobody(camille):
    address = camille.chooses()
    SingleUse.update(used_at=attempts.now() - 2 * attempts.TWIN).execute()
    began = time.monotonic()
    assert begins_again(camille.comes_back(address))
    assert time.monotonic() - began < 5


def test_only_a_few_second_clicks_wait_at_once(camille):
    address = camille.chooses()
    SingleUse.update(used_at=attempts.now()).execute()
    taken = [attempts.WAITING.acquire(blocking=False) for _ in range(2)]
    began = time.monotonic()
    assert begins_again(camille.comes_back(address))
    assert time.monotonic() - began < 2
    for _ in taken:
        attempts.WAITING.release()


def test_two_tabs_both_lead_in(camille):
    first = camille.leaves_for_franceconnect()
    second = camille.leaves_for_franceconnect(suite="/mes-procurations")
    assert camille.comes_back(camille.franceconnect.chooses(second, "durand")).location == "/mes-procurations"
    assert camille.comes_back(camille.franceconnect.continues(first)).location == "/demande"
    assert camille.is_in and WebSession.select().count() == 1


def test_a_dead_code_is_begun_again(camille):
    """The second tab's code kills the first one's at FranceConnect."""
    first, second = camille.chooses(), camille.chooses()
    assert begins_again(camille.comes_back(first))
    assert camille.comes_back(second).status_code == 303


def test_an_attempt_dies_after_ten_minutes(camille):
    address, cancelled = camille.chooses(), camille.franceconnect.cancels(camille.leaves_for_franceconnect())
    SingleUse.update(expires_at=attempts.now() - attempts.LIFE).execute()
    assert begins_again(camille.comes_back(address)) and begins_again(camille.comes_back(cancelled))


def test_forty_abandoned_log_ins_leave_a_small_cookie(camille):
    for _ in range(40):
        camille.leaves_for_franceconnect()
    assert len(camille.cookie) < 1000


@ONE_ENGINE
@pytest.mark.parametrize("query", [
    "", "code=x", "state=x", "code=x&state=y", "error=access_denied", "error=access_denied&state=undefined",
    "code=%00&state=%00", "code=x&state=" + "s" * 10000, "state=%FF%FE&code=%F0%9F%92%A9", "code[]=x&state[]=y",
    "error=%3Cscript%3E&error_description=%3Cscript%3Ealert(1)%3C/script%3E&state=x"])
def test_an_unreadable_answer_is_begun_again(camille, query):
    page = camille.comes_back(f"/franceconnect/retour?{query}")
    assert begins_again(page) and "<script>alert" not in page.text


@ONE_ENGINE
@pytest.mark.parametrize("name", ["code", "state", "iss"])
def test_a_repeated_parameter_is_begun_again(camille, name):
    address = camille.chooses()
    assert begins_again(camille.comes_back(f"{address}&{urlencode({name: asked(address)[name]})}"))
    assert not camille.is_in


# Giving up

def test_giving_up_keeps_what_was_chosen(camille):
    address = camille.franceconnect.cancels(camille.leaves_for_franceconnect(suite="/mes-procurations"))
    page = camille.comes_back(f"{address}&{urlencode({'error_description': 'Appelez le 0899'})}")
    assert says(page, "n’avez pas pu être identifié", 200)
    assert 'name="suite" value="/mes-procurations"' in page.text
    assert "refusé" not in page.text and "0899" not in page.text
    assert not camille.is_in and not SingleUse.select().exists()


@ONE_ENGINE
@pytest.mark.parametrize("error, status", [
    ("access_denied", 200), ("invalid_request", 200), ("login_required", 200), ("<b>x", 200),
    ("temporarily_unavailable", 503), ("server_error", 503)])
def test_franceconnect_s_errors_have_their_page(camille, franceconnect, error, status):
    state = asked(camille.leaves_for_franceconnect())["state"]
    query = {"error": error, "error_description": "<i>lu ailleurs", "state": state, "iss": franceconnect.issuer}
    page = camille.comes_back(f"/franceconnect/retour?{urlencode(query)}")
    assert page.status_code == status
    assert "lu ailleurs" not in page.text and "<b>x" not in page.text


@ONE_ENGINE
def test_an_error_of_another_issuer_is_refused(camille):
    state = asked(camille.leaves_for_franceconnect())["state"]
    query = {"error": "access_denied", "state": state, "iss": "https://elsewhere.example"}
    assert begins_again(camille.comes_back(f"/franceconnect/retour?{urlencode(query)}"))


# Faults

@ONE_ENGINE
@pytest.mark.parametrize("fault", TAMPERED)
def test_a_tampered_answer_opens_nothing(camille, franceconnect, fault):
    franceconnect.fault = fault
    assert begins_again(camille.logs_in())
    assert not camille.is_in and not Voter.select().exists() and not WebSession.select().exists()
    franceconnect.fault = None
    assert camille.logs_in().status_code == 303


@ONE_ENGINE
@pytest.mark.parametrize("claims", [
    {"aud": ["maprocuration-demo", "another"]}, {"azp": "another"}, {"at_hash": "x"}, {"acr": None},
    {"acr": ["eidas1"]}, {"sub": ""}, {"sub": "x" * 256}, {"sub": "a\x00b"},
    {"sub": 7}, {"exp": None}, {"exp": "soon"}, {"exp": True},
    {"iat": None}, {"nonce": None}, {"iss": None}])
def test_each_claim_of_the_id_token_is_checked(camille, franceconnect, monkeypatch, claims):
    signs(franceconnect, monkeypatch, **claims)
    assert begins_again(camille.logs_in())
    assert not Voter.select().exists()


def signs(franceconnect, monkeypatch, **changes):
    """The id_token says something else, rightly signed; None leaves a claim out."""
    def id_token(grant):
        claims = tokens.id_token_claims(franceconnect.issuer, franceconnect.client_id, grant,
                                        franceconnect.sub_of(grant.login))
        said = {**claims, **changes}
        return franceconnect.keys.sign({name: value for name, value in said.items() if value is not None})
    monkeypatch.setattr(franceconnect, "id_token", id_token)


@ONE_ENGINE
@pytest.mark.parametrize("claims, accepted", [
    ({"iat": 50}, True), ({"iat": 70}, False), ({"exp": -50}, True), ({"exp": -70}, False)])
def test_a_minute_of_difference_between_clocks_is_allowed(camille, franceconnect, monkeypatch, claims, accepted):
    signs(franceconnect, monkeypatch, **{name: int(time.time()) + seconds for name, seconds in claims.items()})
    assert (camille.logs_in().status_code == 303) is accepted


@ONE_ENGINE
@pytest.mark.parametrize("fault", OUTAGES)
def test_an_outage_says_so_and_names_the_paper_way(camille, franceconnect, fault):
    if fault.startswith("discovery"):
        franceconnect.fault = fault
        assert is_an_outage(camille.portal.post("/franceconnect/connexion"))
    else:
        address = camille.chooses()
        franceconnect.fault = fault
        assert is_an_outage(camille.comes_back(address))
    assert not WebSession.select().exists()
    franceconnect.fault = None
    assert camille.logs_in().status_code == 303


@ONE_ENGINE
@pytest.mark.parametrize("fault", HANGS)
def test_a_hanging_franceconnect_is_not_waited_for(camille, franceconnect, unprotected, fault):
    unprotected.extensions["franceconnect"].timeouts = (0.5, 0.5)
    address = None if fault.startswith("discovery") else camille.chooses()
    franceconnect.fault = fault
    began = time.monotonic()
    page = camille.comes_back(address) if address else camille.portal.post("/franceconnect/connexion")
    assert is_an_outage(page) and time.monotonic() - began < 3


def test_waiting_is_bounded():
    assert sum(oidc.TIMEOUTS) <= 11


@ONE_ENGINE
def test_other_pages_answer_while_franceconnect_hangs(camille, franceconnect, unprotected):
    """However many voters wait for it, only so many threads do."""
    provider = unprotected.extensions["franceconnect"]
    provider.timeouts = (1.5, 1.5)
    address = camille.chooses()
    franceconnect.fault = "token_hangs"
    taken = [provider.seats.acquire(blocking=False) for _ in range(oidc.SEATS)]
    assert all(taken)
    began = time.monotonic()
    assert is_an_outage(camille.comes_back(address))
    assert time.monotonic() - began < oidc.WAIT_FOR_A_SEAT + 0.5
    assert camille.portal.get("/connexion").status_code == 200
    for _ in taken:
        provider.seats.release()


@ONE_ENGINE
def test_nobody_queues_for_a_franceconnect_known_to_fail(camille, franceconnect, unprotected):
    provider = unprotected.extensions["franceconnect"]
    franceconnect.fault = "token_500"
    camille.logs_in()
    taken = [provider.seats.acquire(blocking=False) for _ in range(oidc.SEATS)]
    began = time.monotonic()
    assert is_an_outage(camille.portal.post("/franceconnect/connexion"))
    assert time.monotonic() - began < 0.5
    for _ in taken:
        provider.seats.release()
    franceconnect.fault = None
    assert camille.logs_in().status_code == 303 and not provider.failing


@ONE_ENGINE
def test_an_unreachable_franceconnect_is_an_outage(unprotected):
    unprotected.extensions["franceconnect"] = oidc.Provider("http://127.0.0.1:1/api/v2", "x", "y", scope="openid",
                                                            acr="eidas1", enough=("eidas1",))
    assert is_an_outage(unprotected.test_client().post("/franceconnect/connexion"))


@ONE_ENGINE
def test_a_discovery_of_another_issuer_is_an_outage(unprotected, franceconnect):
    same = franceconnect.issuer.replace("127.0.0.1", "localhost")
    unprotected.extensions["franceconnect"] = oidc.Provider(same, "x", "y", scope="openid", acr="eidas1", enough=())
    assert is_an_outage(unprotected.test_client().post("/franceconnect/connexion"))


@pytest.mark.parametrize("changes", [
    {"token_endpoint": None}, {"jwks_uri": 7}, {"end_session_endpoint": "javascript:alert(1)"},
    {"authorization_endpoint": "http://fc.example/authorize"}, {"issuer": "https://fc.example/"}])
def test_a_discovery_with_an_address_we_cannot_use_is_an_outage(changes):
    provider = oidc.Provider("https://fc.example", "x", "y", scope="openid", acr="eidas1", enough=())
    document = {"issuer": "https://fc.example", **{name: f"https://fc.example/{name}" for name in oidc.ENDPOINTS}}
    assert provider.discovery.check(document) == document
    with pytest.raises(oidc.Outage):
        provider.discovery.check({**document, **changes})


@ONE_ENGINE
def test_new_keys_are_asked_for_once(camille, franceconnect):
    camille.logs_in()
    franceconnect.rotate_keys(withdraw=True)
    franceconnect.seen.clear()
    assert camille.logs_in().status_code == 303
    assert len(calls(franceconnect, "jwks")) == 1
    franceconnect.fault = "foreign_key"
    for _ in range(3):
        assert begins_again(camille.logs_in())
    assert len(calls(franceconnect, "jwks")) == 1, "bad signatures within ten seconds ask for nothing more"


@ONE_ENGINE
def test_keys_that_cannot_be_read_at_a_rotation_are_read_later(camille, sacha, franceconnect):
    camille.logs_in()
    franceconnect.rotate_keys(withdraw=True)
    franceconnect.fault = "jwks_500"
    assert is_an_outage(sacha.logs_in("petit"))
    assert camille.is_in
    franceconnect.fault = None
    assert sacha.logs_in("petit").status_code == 303


@ONE_ENGINE
def test_logs_hold_no_claim_code_or_token(camille, franceconnect, caplog):
    caplog.set_level(logging.INFO)
    address = camille.chooses()
    camille.comes_back(address)
    for fault in ("wrong_nonce", "token_500", "token_html", "other_sub", "foreign_key"):
        franceconnect.fault = fault
        camille.logs_in()
    first, second = camille.chooses(), camille.chooses()
    camille.comes_back(first)
    franceconnect.fault = None
    said = caplog.text
    assert "fs-technique-erreurs" in said, "FranceConnect's support asks for the error_uri"
    for secret in (asked(address)["code"], asked(address)["state"], "DURAND", "Camille", "eyJ", Voter.get().sub, SECRET,
                   asked(first)["code"], asked(second)["code"]):
        assert secret not in said
    assert "id_token nonce" in said


# Who they are

@ONE_ENGINE
@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity.login)
def test_every_sample_person_comes_in(camille, identity):
    assert camille.logs_in(identity.login).status_code == 303
    voter = Voter.get()
    assert (voter.birth_name, voter.first_names) == (identity.family_name, identity.given_name)
    assert voter.birth_date == identity.idp_birthdate
    assert voter.sex == {"male": "M", "female": "F", "unspecified": "X"}[identity.gender]
    assert voter.used_name == (identity.preferred_username or None)
    assert (voter.birth_place, voter.birth_country) == (identity.birthplace, identity.birthcountry)
    assert voter.email == identity.email


@pytest.mark.parametrize("changes", [
    {"family_name": None}, {"family_name": ""}, {"family_name": "D" * 256}, {"family_name": "DU\x00RAND"},
    {"family_name": "ﷺ" * 255}, {"family_name": "---"}, {"idp_birthdate": None},
    {"idp_birthdate": "1985-02-31"}, {"idp_birthdate": "1985-13-01"}, {"idp_birthdate": "0000-00-00"},
    {"idp_birthdate": "2999-01-01"}, {"idp_birthdate": "12/04/1985"}, {"birthplace": "750560"},
    {"preferred_username": "D" * 256}, {"family_name": "DUR\u202eAND"}])
def test_an_identity_nobody_can_have_is_explained(camille, franceconnect, changes):
    franceconnect.alter("durand", **changes)
    assert says(camille.logs_in(), "Insee", 422)
    assert not camille.is_in and not Voter.select().exists()


@ONE_ENGINE
def test_somebody_without_a_first_name_comes_in(camille, franceconnect):
    franceconnect.alter("durand", given_names=())
    assert camille.logs_in().status_code == 303
    assert Voter.get().first_names == ""


@ONE_ENGINE
@pytest.mark.parametrize("original, kept", [
    ("1992-00-00", "1992-00-00"), ("1992-11-00", "1992-11-00"), ("1977-00-03", "1977-00-00"),
    ("1992-01-01", "1992-01-01"), ("2004-02-29", "2004-02-29")])
def test_a_presumed_date_is_kept_as_it_is(camille, franceconnect, original, kept):
    franceconnect.alter("durand", idp_birthdate=original)
    camille.logs_in()
    assert Voter.get().birth_date == kept


@ONE_ENGINE
@pytest.mark.parametrize("address", [None, "", "personne", "a@b\r\nBcc: c@d.fr", "x" * 300 + "@exemple.fr",
                                     "é@exemple.fr", 7])
def test_an_address_no_mail_reaches_is_left_out(camille, franceconnect, address):
    franceconnect.alter("durand", email=address)
    assert camille.logs_in().status_code == 303
    assert Voter.get().email is None


@ONE_ENGINE
@pytest.mark.parametrize("address, kept", [
    ("prenom@mairie.test", "prenom@mairie.test"), ("a@forêt.example", "a@xn--fort-ipa.example")])
def test_unusual_addresses_are_kept(camille, franceconnect, address, kept):
    franceconnect.alter("durand", email=address)
    camille.logs_in()
    assert Voter.get().email == kept


@ONE_ENGINE
def test_names_are_kept_composed(camille, franceconnect):
    franceconnect.alter("durand", family_name="LEFE\u0300VRE")
    camille.logs_in()
    assert Voter.get().birth_name == "LEFÈVRE"


def test_a_new_civil_status_is_a_new_voter(camille, franceconnect):
    camille.logs_in()
    a_procuration(voter=Voter.get())
    franceconnect.alter("durand", given_names=("Camille", "Jean"))
    assert camille.logs_in().location == "/demande"
    assert Voter.select().count() == 2


def test_another_person_in_the_same_browser_ends_the_first_session(camille):
    camille.logs_in()
    before = camille.cookie
    camille.logs_in("petit")
    assert WebSession.get().voter.birth_name == "PETIT"
    camille.portal.set_cookie("maprocuration", before)
    assert not camille.is_in


def test_a_voter_takes_the_place_of_an_agent(camille):
    log_in(camille.portal, agent=an_officer())
    camille.logs_in()
    assert camille.is_in and WebSession.get().agent is None


# Leaving

def test_log_out_ends_both_sessions(camille):
    camille.logs_in()
    page = camille.logs_out()
    assert page.status_code == 200 and not camille.is_in and not WebSession.select().exists()
    sent = asked(link(page))
    assert set(sent) == {"id_token_hint", "state", "post_logout_redirect_uri"} and len(sent["state"]) >= 32
    there = camille.franceconnect.browser.get(link(page), allow_redirects=False)
    assert there.status_code == 303 and there.headers["Location"].startswith(f"{HOME}?state=")
    choice = camille.franceconnect.opens(camille.leaves_for_franceconnect())
    assert 'value="continuer"' not in choice.text, "the next person must not be taken for this one"
    assert Event.select().where(Event.act == "deconnexion").count() == 1


@ONE_ENGINE
def test_log_out_takes_no_get_and_no_foreign_post(app, camille):
    camille.logs_in()
    assert camille.portal.get("/deconnexion").status_code == 405
    app.config["WTF_CSRF_ENABLED"] = True
    assert camille.logs_out().status_code == 400
    assert camille.is_in


@pytest.mark.parametrize("fault", ["discovery_500", "discovery_html"])
def test_log_out_works_while_franceconnect_is_down(camille, franceconnect, fault):
    camille.logs_in()
    franceconnect.fault = fault
    answer = camille.logs_out()
    assert (answer.status_code, answer.location) == (303, "/")
    assert not camille.is_in
    assert "fermez toutes les fenêtres" in camille.portal.get("/").text


@ONE_ENGINE
def test_log_out_of_a_session_without_token_stays_here(camille):
    log_in(camille.portal, voter=a_voter())
    assert camille.logs_out().location == "/"
    assert camille.logs_out().location == "/", "a second click, logged out already"


def test_a_stolen_cookie_is_worth_nothing_after_log_out(camille):
    camille.logs_in()
    stolen = camille.cookie
    camille.logs_out()
    camille.portal.set_cookie("maprocuration", stolen)
    assert not camille.is_in


@ONE_ENGINE
def test_the_state_of_the_way_back_means_nothing(camille):
    assert camille.portal.get("/?state=anything").status_code == 200


def test_files_outlive_the_session(camille):
    camille.logs_in()
    file = a_procuration(voter=Voter.get())
    camille.logs_out()
    assert fresh(file).status == "deposee"
