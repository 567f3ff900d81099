"""The stand-in FranceConnect refuses what the real one refuses, as a client sees it over HTTP."""
import base64
import datetime
import hashlib
import re
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from demo.franceconnect import create_provider, running_provider
from demo.identities import IDENTITIES, PEOPLE
from demo.proconnect import ProConnectProvider
from demo.provider import FAULTS
from demo.visitor import Visitor
from tests.browser import chromium, needs_chromium

RETURN, GOODBYE = "http://localhost:29999/franceconnect/retour", "http://localhost:29999/"
EVERYTHING = "openid identite_pivot idp_birthdate preferred_username email"


class Client:
    """A service provider written for these tests: strict about nothing, so that the provider has to be."""

    def __init__(self, issuer, provider):
        self.issuer, self.provider = issuer, provider
        self.visitor = Visitor()

    def authorize(self, **changes):
        """The address of /authorize; a value of None leaves a parameter out."""
        asked = {"client_id": "portail", "acr_values": "eidas1", "response_type": "code", "nonce": "n" * 22,
                 "state": "état & co", "redirect_uri": RETURN, "scope": EVERYTHING, **changes}
        query = [(name, value) for name, value in asked.items() if value is not None]
        return f"{self.issuer}/authorize?{urlencode(query, doseq=True)}"

    def refusal(self, **changes):
        """(status, error code) of the page that /authorize keeps the user on."""
        answer = requests.get(self.authorize(**changes), allow_redirects=False)
        return answer.status_code, re.search(r"Y\w{6,7}", answer.text).group()

    def sent_back(self, **changes):
        answer = requests.get(self.authorize(**changes), allow_redirects=False)
        assert answer.status_code == 303
        return callback(answer.headers["Location"])

    def logs_in(self, login="durand", **changes):
        """A code."""
        return callback(self.visitor.chooses(self.authorize(**changes), login))["code"]

    def exchanges(self, code, /, **changes):
        sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": RETURN, "client_id": "portail",
                "client_secret": "secret-du-portail", **changes}
        return requests.post(f"{self.issuer}/token", sent)

    def userinfo(self, access_token):
        return requests.get(f"{self.issuer}/userinfo", headers={"Authorization": f"Bearer {access_token}"})

    def reads(self, token):
        return jwt.decode(token, KeySet.import_key_set(requests.get(f"{self.issuer}/jwks").json()),
                          algorithms=["ES256"])

    def identity(self, login, **changes):
        """The claims of userinfo after a whole log-in."""
        tokens = self.exchanges(self.logs_in(login, **changes)).json()
        return self.reads(self.userinfo(tokens["access_token"]).text).claims

    def logs_out(self, **sent):
        """The browser's answer from /session/end."""
        return self.visitor.browser.get(f"{self.issuer}/session/end", params=sent, allow_redirects=False)


def callback(address):
    """What came back to the client's address: each parameter once."""
    assert address.startswith(RETURN + "?")
    return {name: value for name, [value] in parse_qs(urlsplit(address).query, strict_parsing=True).items()}


@pytest.fixture(scope="module")
def running():
    with running_provider(redirect_uris=[RETURN], post_logout_redirect_uris=[GOODBYE], faults=True) as (url, one):
        yield f"{url}/api/v2", one


@pytest.fixture
def client(running):
    yield Client(*running)
    running[1].fault = None


@pytest.fixture
def hurried():
    """A client of a provider whose lives are one second."""
    with running_provider(redirect_uris=[RETURN], code_life=1, token_life=1, session_life=1) as (url, one):
        yield Client(f"{url}/api/v2", one)


# Discovery

def test_discovery_names_every_address_under_the_issuer(client):
    answer = requests.get(f"{client.issuer}/.well-known/openid-configuration")
    document = answer.json()
    assert document["issuer"] == client.issuer
    assert answer.headers["cache-control"] == "public, max-age=600"
    addresses = {value for value in document.values() if str(value).startswith("http")} - {client.issuer}
    assert addresses == {client.issuer + path for path in (
        "/authorize", "/token", "/userinfo", "/jwks", "/session/end", "/token/revocation")}


def test_keys_are_published_without_their_secret(client):
    answer = requests.get(f"{client.issuer}/jwks")
    [key] = answer.json()["keys"]
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")
    assert key["kid"] and "d" not in key
    assert answer.headers["cache-control"] == "public, max-age=600"


# /authorize

@pytest.mark.parametrize("changes, code", [
    ({"code_challenge": "x" * 43, "code_challenge_method": "S256"}, "Y030007"),
    ({"max_age": "0"}, "Y030007"),
    ({"response_mode": "query"}, "Y030007"),
    ({"scope": ["openid", "openid"]}, "Y030007"),
    ({"nonce": "n" * 21}, "Y030007"),
    ({"nonce": None}, "Y030007"),
    ({"state": None}, "Y030007"),
    ({"state": ""}, "Y030007"),
    ({"scope": None}, "Y030007"),
    ({"prompt": "none"}, "Y030007"),
    ({"prompt": "select_account"}, "Y030007"),
    ({"acr_values": None}, "Y030007"),
    ({"acr_values": "eidas2"}, "Y020002"),
    ({"claims": '{"id_token":{"amr":{"essential":true}}}'}, "Y100009"),
    ({"client_id": "somebody-else"}, "Y04EA6EF"),
    ({"redirect_uri": RETURN + "/"}, "Y04C013C"),
    ({"redirect_uri": "https://elsewhere.example.org/"}, "Y04C013C"),
])
def test_the_user_stays_on_an_error_page_when_the_request_is_wrong(client, changes, code):
    assert client.refusal(**changes) == (400, code)


@pytest.mark.parametrize("changes, error", [
    ({"scope": "identite_pivot"}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"idp_hint": "unknown"}, "invalid_idp_hint"),
])
def test_some_errors_are_told_to_the_client_with_state_and_issuer(client, changes, error):
    told = client.sent_back(**changes)
    assert (told["error"], told["state"], told["iss"]) == (error, "état & co", client.issuer)


def test_prompt_login_and_consent_are_accepted(client):
    assert client.visitor.opens(client.authorize(prompt="login consent")).status_code == 200


# The choice of an identity

def test_the_page_offers_all_twelve_and_says_it_is_a_demonstration(client):
    page = client.visitor.opens(client.authorize())
    assert re.findall(r'name="login" value="([^"]+)"', page.text) == [one.login for one in PEOPLE]
    assert "Fournisseur d’identité de démonstration" in page.text
    assert not re.search(r"<script|<style| style=| on\w+=", page.text)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "no-store" in page.headers["Cache-Control"]


def test_choosing_gives_a_code_with_state_and_issuer(client):
    told = callback(client.visitor.chooses(client.authorize(), "durand"))
    assert told.keys() == {"code", "state", "iss"}
    assert (told["state"], told["iss"]) == ("état & co", client.issuer)


def test_cancelling_is_access_denied(client):
    told = callback(client.visitor.cancels(client.authorize()))
    assert told == {"error": "access_denied", "error_description": "User auth aborted", "state": "état & co",
                    "iss": client.issuer}


def test_a_second_log_in_proposes_to_continue_as_the_same_person(client):
    client.logs_in("morvan")
    page = client.visitor.opens(client.authorize())
    assert "Continuer en tant que Hélène LEFÈVRE-HALLÉ" in page.text and 'name="login"' not in page.text
    code = callback(client.visitor.continues(client.authorize()))["code"]
    tokens = client.exchanges(code).json()
    assert client.reads(tokens["id_token"]).claims["sub"] == client.provider.sub_of("morvan")


def test_the_single_sign_on_ends_by_itself(hurried):
    hurried.logs_in()
    time.sleep(1.1)
    assert 'name="login"' in hurried.visitor.opens(hurried.authorize()).text


def test_each_log_in_changes_the_cookie(client):
    client.visitor.opens(client.authorize())
    planted = client.visitor.browser.cookies["demo_franceconnect"]
    client.logs_in()
    assert client.visitor.browser.cookies["demo_franceconnect"] != planted


def test_another_browser_cannot_answer_a_log_in(client):
    page = client.visitor.opens(client.authorize())
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text).group(1)
    answer = requests.post(page.url, {"csrf": csrf, "login": "durand"}, allow_redirects=False)
    assert answer.status_code == 401 and "Y190001" in answer.text


@pytest.mark.parametrize("csrf", ["", "forged", "é"])
def test_a_forged_answer_is_refused(client, csrf):
    page = client.visitor.opens(client.authorize())
    answer = client.visitor.browser.post(page.url, {"csrf": csrf, "login": "durand"}, allow_redirects=False)
    assert answer.status_code == 409 and "Location" not in answer.headers


# /token

def test_the_id_token_says_who_was_authenticated_and_nothing_of_the_identity(client):
    answer = client.exchanges(client.logs_in())
    tokens = answer.json()
    token = client.reads(tokens["id_token"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert tokens.keys() == {"access_token", "expires_in", "id_token", "scope", "token_type"}
    assert token.header.keys() == {"alg", "kid"} and token.header["alg"] == "ES256"
    assert token.claims.keys() == {"sub", "acr", "auth_time", "nonce", "at_hash", "aud", "exp", "iat", "iss"}
    assert [token.claims[name] for name in ("acr", "nonce", "aud", "iss")] == [
        "eidas1", "n" * 22, "portail", client.issuer]
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert token.claims["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    assert tokens["expires_in"] == 60 and token.claims["exp"] - time.time() <= 60


@pytest.mark.parametrize("changes, status, error", [
    ({"client_secret": "wrong"}, 401, "invalid_client"),
    ({"client_secret": None}, 401, "invalid_client"),
    ({"client_id": "somebody-else"}, 401, "invalid_client"),
    ({"grant_type": "refresh_token"}, 400, "unsupported_grant_type"),
    ({"code": "unknown"}, 400, "invalid_grant"),
    ({"redirect_uri": GOODBYE}, 400, "invalid_grant"),
    ({"code_verifier": "x" * 43}, 400, "invalid_request"),
    ({"client_id": ["portail", "portail"]}, 400, "invalid_request"),
])
def test_the_token_endpoint_refuses_in_json_with_a_reference(client, changes, status, error):
    answer = client.exchanges(client.logs_in(), **changes)
    told = answer.json()
    assert (answer.status_code, told["error"]) == (status, error)
    assert re.search(r"\?code=Y\w+&id=[0-9a-f-]{36}$", told["error_uri"]) and told["error_description"]


def test_the_secret_is_not_taken_from_basic_authentication(client):
    sent = {"grant_type": "authorization_code", "code": client.logs_in(), "redirect_uri": RETURN}
    for also in ({}, {"client_id": "portail", "client_secret": "secret-du-portail"}):
        answer = requests.post(f"{client.issuer}/token", {**sent, **also}, auth=("portail", "secret-du-portail"))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_replayed_code_revokes_what_it_gave(client):
    code = client.logs_in()
    access_token = client.exchanges(code).json()["access_token"]
    assert client.userinfo(access_token).status_code == 200
    assert client.exchanges(code).json()["error"] == "invalid_grant"
    assert client.userinfo(access_token).status_code == 401


def test_a_second_log_in_of_the_same_browser_kills_the_first_unfinished_code(client):
    first, second = client.logs_in(), callback(client.visitor.continues(client.authorize()))["code"]
    assert client.exchanges(first).json()["error"] == "invalid_grant"
    assert client.exchanges(second).status_code == 200


def test_log_ins_of_two_browsers_do_not_disturb_each_other(client):
    first, second = client.logs_in(), Client(client.issuer, client.provider).logs_in()
    assert [client.exchanges(code).status_code for code in (first, second)] == [200, 200]


def test_codes_and_access_tokens_do_not_last(hurried):
    late = hurried.logs_in()
    access_token = hurried.exchanges(Client(hurried.issuer, hurried.provider).logs_in()).json()["access_token"]
    time.sleep(1.1)
    assert hurried.exchanges(late).json()["error"] == "invalid_grant"
    assert hurried.userinfo(access_token).status_code == 401


def test_a_code_lasts_thirty_seconds_and_a_token_sixty():
    app = create_provider("http://localhost", "id", "secret", [RETURN], [])
    ledger = app.extensions["franceconnect"].ledger
    assert (ledger.code_life, ledger.token_life, ledger.session_life) == (30, 60, 1800)


# /userinfo

def test_userinfo_is_a_signed_token(client):
    tokens = client.exchanges(client.logs_in()).json()
    answer = client.userinfo(tokens["access_token"])
    told, id_token = client.reads(answer.text), client.reads(tokens["id_token"]).claims
    assert answer.headers["Content-Type"].startswith("application/jwt")
    assert told.header.keys() == {"alg", "kid"}
    assert [told.claims[name] for name in ("sub", "iss", "aud", "exp")] == [
        id_token[name] for name in ("sub", "iss", "aud", "exp")]


def test_userinfo_wants_a_bearer_token(client):
    assert requests.get(f"{client.issuer}/userinfo").status_code == 400
    answer = client.userinfo("unknown")
    assert answer.status_code == 401 and "invalid_token" in answer.headers["WWW-Authenticate"]


def test_scopes_open_exactly_their_claims(client):
    ours = {"sub", "iss", "aud", "exp", "iat"}
    pivot = {"given_name", "given_name_array", "family_name", "birthdate", "gender", "birthplace", "birthcountry"}
    assert client.identity("morvan", scope="openid").keys() == ours
    assert client.identity("morvan", scope="openid identite_pivot").keys() == ours | pivot
    assert client.identity("morvan", scope="openid profile").keys() == (
        ours | pivot | {"preferred_username"}) - {"birthplace", "birthcountry"}
    assert client.identity("morvan", scope="openid given_name phone address").keys() == ours | {
        "given_name", "given_name_array"}
    assert client.identity("morvan", scope=EVERYTHING).keys() == ours | pivot | {
        "idp_birthdate", "preferred_username", "email"}


def test_a_revoked_token_opens_nothing(client):
    access_token = client.exchanges(client.logs_in()).json()["access_token"]
    requests.post(f"{client.issuer}/token/revocation", {
        "token": access_token, "client_id": "portail", "client_secret": "secret-du-portail"}).raise_for_status()
    assert client.userinfo(access_token).status_code == 401


# The twelve people

def test_the_twelve_are_hard_in_the_ways_that_matter(client):
    told = {one.login: client.identity(one.login) for one in IDENTITIES}
    assert len(told) == 12
    assert all(re.fullmatch(r"[0-9a-f]{64}v1", one["sub"]) for one in told.values())
    assert len({one["sub"] for one in told.values()}) == 12
    assert told["morvan"]["preferred_username"] not in ("", told["morvan"]["family_name"])
    assert told["orsatelli"]["preferred_username"] == "" and "preferred_username" not in told["durand"]
    assert "’" in told["orvallon"]["family_name"]
    assert len(re.findall(r"\w", told["vandenbroucke"]["family_name"])) >= 50
    assert len(told["vandenbroucke"]["given_name_array"]) == 4
    assert told["wamenou"]["given_name_array"] == ["Jean Baptiste", "Noël"]
    assert told["orsatelli"]["birthplace"] == "2A004" and told["bellerose"]["birthplace"] == "97209"
    assert (told["benhaddou"]["birthplace"], told["benhaddou"]["birthcountry"]) == ("", "99352")
    assert (told["traore"]["birthdate"], told["traore"]["idp_birthdate"]) == ("1992-01-01", "1992-00-00")
    assert told["o"]["gender"] == "unspecified" and told["o"]["family_name"] == "O"
    assert "email" not in told["orsatelli-jumelle"]


def test_the_minor_is_sixteen_whatever_the_day():
    minor = next(one for one in IDENTITIES if one.login == "petit")
    born, today = datetime.date.fromisoformat(minor.birthdate), datetime.date.today()
    assert today.year - born.year - ((today.month, today.day) < (born.month, born.day)) == 16


@pytest.mark.parametrize("change", [
    {"gender": "female"}, {"given_names": ("Marceline",)}, {"family_name": "BELLE-ROSE"},
    {"idp_birthdate": "1996-05-23"}, {"birthplace": "97213"}])
def test_a_change_of_civil_status_gives_another_sub(client, change):
    before = client.provider.identities["bellerose"]
    first = client.identity("bellerose")["sub"]
    client.provider.alter("bellerose", **change)
    changed = client.identity("bellerose")["sub"]
    client.provider.alter("bellerose", **{name: getattr(before, name) for name in change})
    assert changed != first == client.identity("bellerose")["sub"]


# Logging out

def test_logging_out_ends_the_single_sign_on_and_returns_with_the_state(client):
    hint = client.exchanges(client.logs_in()).json()["id_token"]
    answer = client.logs_out(id_token_hint=hint, state="à bientôt", post_logout_redirect_uri=GOODBYE)
    assert answer.status_code == 303
    assert answer.headers["Location"] == GOODBYE + "?" + urlencode({"state": "à bientôt"})
    assert 'name="login"' in client.visitor.opens(client.authorize()).text


def test_an_expired_hint_still_logs_out(client):
    client.provider.fault = "expired_id_token"
    hint = client.exchanges(client.logs_in()).json()["id_token"]
    assert client.logs_out(id_token_hint=hint, post_logout_redirect_uri=GOODBYE).status_code == 303


@pytest.mark.parametrize("changes", [
    {"id_token_hint": None},
    {"id_token_hint": "not.a.token"},
    {"post_logout_redirect_uri": GOODBYE + "elsewhere"},
    {"client_id": "somebody-else"},
    {"unknown": "parameter"},
    {"state": ["one", "two"]},
])
def test_a_wrong_log_out_stays_on_an_error_page_and_logs_nobody_out(client, changes):
    hint = client.exchanges(client.logs_in()).json()["id_token"]
    answer = client.logs_out(**{"id_token_hint": hint, "post_logout_redirect_uri": GOODBYE, "state": "s", **changes})
    assert answer.status_code == 400 and "Location" not in answer.headers
    assert "Continuer en tant que" in client.visitor.opens(client.authorize()).text


@pytest.mark.parametrize("fault", ["alg_none", "hs256_public_key", "foreign_key"])
def test_a_hint_of_another_signature_is_refused(client, fault):
    client.provider.fault = fault
    hint = client.exchanges(client.logs_in()).json()["id_token"]
    assert client.logs_out(id_token_hint=hint).status_code == 400


def test_a_withdrawn_key_makes_its_hints_worthless_a_rotated_one_does_not(client):
    hint = client.exchanges(client.logs_in()).json()["id_token"]
    client.provider.rotate_keys()
    assert client.logs_out(id_token_hint=hint).status_code == 200
    client.provider.rotate_keys(withdraw=True)
    assert client.logs_out(id_token_hint=hint).status_code == 400
    assert len(requests.get(f"{client.issuer}/jwks").json()["keys"]) == 1


def test_the_key_file_keeps_the_key_over_a_restart(tmp_path):
    restarted = [create_provider("http://localhost", "id", "secret", [], [], key_file=tmp_path / "key.pem")
                 for _ in range(2)]
    first, second = (app.extensions["franceconnect"].keys.public() for app in restarted)
    assert first == second
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600


# Faults

@pytest.mark.parametrize("fault, claim", [
    ("wrong_nonce", "nonce"), ("wrong_aud", "aud"), ("wrong_iss", "iss"), ("low_acr", "acr")])
def test_a_planted_fault_changes_one_claim_and_keeps_the_signature(client, fault, claim):
    right = client.reads(client.exchanges(client.logs_in()).json()["id_token"]).claims
    client.provider.fault = fault
    wrong = client.reads(client.exchanges(client.logs_in()).json()["id_token"]).claims
    assert {name for name in right if right[name] != wrong[name]} - {"at_hash", "iat", "exp", "auth_time"} == {claim}


@pytest.mark.parametrize("fault, algorithm", [("alg_none", "none"), ("hs256_public_key", "HS256")])
def test_a_planted_algorithm_is_in_the_header(client, fault, algorithm):
    client.provider.fault = fault
    head = client.exchanges(client.logs_in()).json()["id_token"].split(".")[0]
    assert f'"alg": "{algorithm}"' in base64.urlsafe_b64decode(head + "==").decode()


def test_userinfo_can_lie_about_sub_or_come_unsigned(client):
    access_token = client.exchanges(client.logs_in()).json()["access_token"]
    client.provider.fault = "other_sub"
    assert client.reads(client.userinfo(access_token).text).claims["sub"] == "f" * 64 + "v1"
    client.provider.fault = "unsigned_userinfo"
    assert client.userinfo(access_token).json()["family_name"] == "DURAND"
    client.provider.fault = "userinfo_alg_none"
    assert client.userinfo(access_token).text.endswith(".")


def test_endpoints_can_fail_be_in_maintenance_or_hang(client):
    client.provider.fault = "token_500"
    assert client.exchanges("any").status_code == 500
    client.provider.fault = "token_html"
    answer = client.exchanges("any")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")
    client.provider.fault = "jwks_500"
    assert requests.get(f"{client.issuer}/jwks").status_code == 500
    client.provider.fault = "userinfo_hangs"
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{client.issuer}/userinfo", timeout=0.3)


def test_faults_are_planted_over_http_only_where_that_was_opened(client):
    base_url = client.provider.base_url
    assert requests.post(f"{base_url}/__faults", {"fault": "token_500"}).json()["fault"] == "token_500"
    assert requests.post(f"{base_url}/__faults", {"fault": "unheard of"}).status_code == 422
    assert requests.post(f"{base_url}/__faults").json()["fault"] is None
    closed = create_provider("http://localhost", "id", "secret", [], [])
    assert closed.test_client().post("/__faults", data={"fault": "token_500"}).status_code == 404


def test_an_unknown_fault_is_refused_by_its_name(client):
    with pytest.raises(ValueError, match="unheard of"):
        client.provider.fault = "unheard of"
    assert {"token_500", "token_hangs", "token_html", "jwks_500", "no_id_token"} <= FAULTS


# In a real browser

@needs_chromium
@pytest.mark.parametrize("javascript", [True, False])
def test_chromium_goes_from_the_choice_back_to_the_client(running, javascript):
    issuer, provider = running
    # The provider's discovery plays the client: under another host name, so of another origin.
    there = issuer.replace("127.0.0.1", "localhost") + "/.well-known/openid-configuration"
    provider.accept(there)
    with chromium() as browser:
        page = browser.new_context(java_script_enabled=javascript).new_page()
        complaints = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(Client(issuer, provider).authorize(redirect_uri=there))
        page.get_by_role("button", name="D’ORVALLON").click()
        page.wait_for_url(f"{there}?code=*", timeout=5000)
    provider.redirect_uris.discard(there)
    assert not [one for one in complaints if "Content Security Policy" in one]


# ProConnect

CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 64).digest()).rstrip(b"=").decode()
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
ESSENTIAL = '{"id_token": {"acr": {"essential": true, "values": ["eidas1-mfa", "eidas2"]}}}'


@pytest.fixture(scope="module")
def running_pro():
    with running_provider(redirect_uris=[RETURN], post_logout_redirect_uris=[GOODBYE],
                          kind=ProConnectProvider) as (url, one):
        yield f"{url}/api/v2", one


class ProClient(Client):
    def authorize(self, **changes):
        return super().authorize(**{"nonce": "n" * 32, "acr_values": None, "scope": "openid email siret roles",
                                    **changes})


@pytest.fixture
def pro(running_pro):
    return ProClient(*running_pro)


@pytest.mark.parametrize("changes, code", [
    ({"max_age": "0"}, "Y000400"), ({"login": "mairie"}, "Y000400"), ({"nonce": "n" * 31}, "Y000400"),
    ({"prompt": "select_account"}, "Y000400"), ({"acr_values": "eidas9"}, "Y020002")])
def test_proconnect_keeps_the_user_where_the_request_is_wrong(pro, changes, code):
    assert pro.refusal(**changes) == (400, code)


@pytest.mark.parametrize("changes, error", [
    ({**PKCE, "code_challenge_method": "plain"}, "invalid_request"), ({"code_challenge": CHALLENGE}, "invalid_request"),
    ({**PKCE, "code_challenge": "short"}, "invalid_request"), ({"response_mode": "fragment"}, "invalid_request"),
    ({"prompt": "none"}, "login_required")])
def test_proconnect_tells_the_client_what_is_wrong(pro, changes, error):
    assert pro.sent_back(**changes)["error"] == error


def test_proconnect_takes_a_challenge_and_holds_the_client_to_it(pro):
    code = pro.logs_in("mairie", **PKCE, login_hint="a@b.fr", siret_hint="99900020200005", response_mode="query")
    for wrong in ({}, {"code_verifier": "w" * 64}):
        assert pro.exchanges(code, **wrong).json()["error"] == "invalid_grant"
    assert pro.exchanges(code, code_verifier="v" * 64).status_code == 200


def test_a_verifier_without_a_challenge_is_refused(pro):
    assert pro.exchanges(pro.logs_in("mairie"), code_verifier="v" * 64).json()["error"] == "invalid_grant"


def test_proconnect_says_who_it_is_for_every_client_the_same(pro):
    claims = pro.identity("maire", claims=ESSENTIAL)
    assert (claims["email"], claims["siret"]) == ("maire@demo.maprocuration.example", "99900020200005")
    assert claims["roles"] == ["agent_public", "agent_public_territorial"] and "usual_name" not in claims
    assert claims["sub"] == pro.provider.sub_of("maire")


@pytest.mark.parametrize("login, answer", [
    ("ministere", "code"), ("mairie", "code"), ("sans.second.facteur", "error"), ("niveau.faible", "code")])
def test_an_essential_level_is_held_but_by_who_ignores_it(pro, login, answer):
    assert answer in callback(pro.visitor.chooses(pro.authorize(claims=ESSENTIAL), login))


def test_proconnect_remembers_and_asks_anew_on_demand(pro):
    pro.logs_in("mairie")
    assert callback(pro.visitor.passes(pro.authorize()))["code"]
    assert callback(pro.visitor.passes(pro.authorize(prompt="none")))["code"]
    assert pro.visitor.passes(pro.authorize(prompt="login")) is None
    assert "code" in callback(pro.visitor.chooses(pro.authorize(prompt="login"), "maire"))
