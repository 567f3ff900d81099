"""Passkeys: two factors in one answer, which only our address, this browser and this moment can use."""
import base64
import dataclasses
import datetime
import hashlib
import json
import re
import secrets
import threading

import cbor2
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from playwright.sync_api import expect
from werkzeug.serving import make_server

from app import create_app
from models import Event, Mail, Passkey, Role, WebSession, database, now
from portal import accounts, outbox, passkeys, second_factor
from portal.accounts import AccountSuspended
from portal.errors import NotYours
from portal.passkeys import (ChallengeOver, PasskeyDoubtful, PasskeyKnown, PasskeyOfAnother, PasskeyRefused,
                             PasskeyUnknown, PasskeyUnusable, TooManyPasskeys)
from portal.procedure import CLOCK
from portal.settings import use
from tests.browser import PHONE, needs_chromium
from tests.engines import ONE_ENGINE
from tests.factories import a_voter, an_agent, log_in
from tests.test_back_office import Desk
from tests.test_connexion import Browser
from tests.test_second_factor import code, protected
from tests.test_step_up import CONFIRM, stale

HERE = "http://localhost"
PROFILE, KEYS = "/admin/profil/", "/admin/profil/cles-d-acces"
PRESENT, VERIFIED, ATTESTED = 1, 4, 64      # flags of an authenticator
FIVE_MINUTES = datetime.timedelta(minutes=5)


def base64url(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(text):
    return base64.urlsafe_b64decode(text + "==")


class Device:
    """An authenticator with one passkey. What it says wrong is given by name."""

    def __init__(self, origin=HERE, rp_id="localhost", flags=PRESENT | VERIFIED, counts=True, **client):
        self.origin, self.rp_id, self.flags, self.client = origin, rp_id, flags, client
        self.key, self.id, self.count = ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(16), 0
        self.counts = counts
        self.handle = None

    def creates(self, options):
        """The answer of navigator.credentials.create."""
        options = json.loads(options)
        self.handle = decoded(options["user"]["id"])
        attested = b"\0" * 16 + len(self.id).to_bytes(2) + self.id + cbor2.dumps(self.public_key())
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(self.flags | ATTESTED) + attested}
        return self._answer(clientDataJSON=self._client("webauthn.create", options),
                            attestationObject=cbor2.dumps(attestation))

    def gets(self, options):
        """The answer of navigator.credentials.get."""
        self.count += self.counts
        data, client = self._data(self.flags), self._client("webauthn.get", json.loads(options))
        return self._answer(clientDataJSON=client, authenticatorData=data, userHandle=self.handle,
                            signature=self.signs(data + hashlib.sha256(client).digest()))

    def public_key(self):
        numbers = self.key.public_key().public_numbers()
        return {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}

    def signs(self, content):
        return self.key.sign(content, ec.ECDSA(SHA256()))

    def _data(self, flags):
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _client(self, kind, options):
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps({**said, **self.client}).encode()

    def _answer(self, **response):
        response = {name: base64url(value) for name, value in response.items() if value is not None}
        return json.dumps({"id": base64url(self.id), "rawId": base64url(self.id), "type": "public-key",
                           "response": response})


class EdwardsDevice(Device):
    """One that signs by EdDSA."""

    def __init__(self):
        super().__init__()
        self.key = ed25519.Ed25519PrivateKey.generate()

    def public_key(self):
        return {1: 1, 3: -8, -1: 6, -2: self.key.public_key().public_bytes_raw()}

    def signs(self, content):
        return self.key.sign(content)


def added(agent, device=None, name="Téléphone"):
    """A passkey of `agent` on `device`."""
    device = device or Device()
    kept, options = passkeys.begin_registration(agent)
    return passkeys.finish_registration(agent, kept, device.creates(options), name), device


def logs_in(device, **changed):
    """The agent whom `device` lets in."""
    kept, options = passkeys.begin_log_in()
    for name, value in changed.items():
        setattr(device, name, value)
    return passkeys.finish_log_in(kept, device.gets(options))


def traces(act):
    return Event.select().where(Event.act == act).count()


# --- The service ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", [Device, EdwardsDevice])
def test_a_passkey_opens_the_account_it_was_made_for(db, kind):
    agent = an_agent(Role.MANAGER)
    passkey, device = added(agent, kind())
    assert logs_in(device) == agent and logs_in(device) == agent
    assert passkeys.one_of(agent, passkey.id).sign_count == 2 and passkeys.one_of(agent, passkey.id).used_at
    assert traces("ajouter_cle") == 1


def test_synchronised_passkeys_count_nothing(db):
    agent = an_agent()
    _, device = added(agent, Device(counts=False))
    assert logs_in(device) == agent and logs_in(device) == agent


def test_what_the_device_learns_names_nobody(db):
    agent, other = an_agent(Role.MINISTRY), an_agent(Role.MINISTRY)
    options = json.loads(passkeys.begin_registration(agent)[1])
    assert decoded(options["user"]["id"]) == passkeys.handle(agent) != passkeys.handle(other)
    assert len(passkeys.handle(agent)) == 32 and options["rp"] == {"name": "Maprocuration", "id": "localhost"}
    assert options["attestation"] == "none" and {one["alg"] for one in options["pubKeyCredParams"]} == {-7, -8, -257}
    chosen = options["authenticatorSelection"]
    assert (chosen["residentKey"], chosen["userVerification"]) == ("required", "required")
    asked = json.loads(passkeys.begin_log_in()[1])
    assert asked["userVerification"] == "required" and not asked["allowCredentials"]


def test_a_device_is_told_which_passkeys_it_has(db):
    agent = an_agent()
    passkey, _ = added(agent)
    options = json.loads(passkeys.begin_registration(agent)[1])
    assert [one["id"] for one in options["excludeCredentials"]] == [passkey.credential]


@pytest.mark.parametrize("wrong", [
    {"origin": "http://localhost:81"}, {"origin": "https://localhost"}, {"origin": "http://localhost.evil.example"},
    {"rp_id": "evil.example"}, {"flags": PRESENT}, {"flags": VERIFIED}, {"crossOrigin": True},
    {"type": "webauthn.get"}, {"challenge": base64url(b"0" * 32)}])
@ONE_ENGINE
def test_what_was_made_elsewhere_or_for_nobody_s_finger_is_not_kept(db, wrong):
    agent = an_agent()
    kept, options = passkeys.begin_registration(agent)
    with pytest.raises(PasskeyUnusable):
        passkeys.finish_registration(agent, kept, Device(**wrong).creates(options), "")
    assert not Passkey.select().exists() and not Mail.select().exists()


@pytest.mark.parametrize("wrong", [
    {"origin": "http://localhost:81"}, {"origin": "https://localhost"}, {"rp_id": "evil.example"}, {"flags": PRESENT},
    {"flags": VERIFIED}, {"client": {"crossOrigin": True}}, {"client": {"type": "webauthn.create"}},
    {"client": {"challenge": base64url(b"0" * 32)}}, {"handle": None}, {"handle": b"0" * 32},
    {"key": ec.generate_private_key(ec.SECP256R1())}])
@ONE_ENGINE
def test_an_answer_given_elsewhere_or_by_nobody_s_finger_proves_nothing(db, wrong):
    _, device = added(an_agent())
    with pytest.raises(PasskeyRefused):
        logs_in(device, **wrong)
    assert Passkey.get().used_at is None


@pytest.mark.parametrize("answer", [
    "", "[]", "{}", "null", "\x00", "[" * 19_000, "é", '{"id": 1}', "x" * 30_000,
    json.dumps({"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {
        "clientDataJSON": "YQ", "attestationObject": "YQ", "authenticatorData": "YQ", "signature": "YQ"}}),
    json.dumps({"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {
        "clientDataJSON": "e30", "attestationObject": "oA", "authenticatorData": "", "signature": "",
        "userHandle": "a"}}),
    json.dumps({"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {"clientDataJSON": base64url(
        b'{"type": [], "challenge": 7, "origin": {}}'), "attestationObject": "oA", "authenticatorData": "YQ",
        "signature": "YQ"}})])
@ONE_ENGINE
def test_what_is_no_answer_is_refused_with_a_sentence(db, answer):
    agent = an_agent()
    with pytest.raises(PasskeyUnusable):
        passkeys.finish_registration(agent, passkeys.begin_registration(agent)[0], answer, "")
    with pytest.raises(PasskeyRefused):
        passkeys.finish_log_in(passkeys.begin_log_in()[0], answer)


@ONE_ENGINE
def test_a_key_that_could_never_answer_is_not_kept(db):
    """A point off the curve, an algorithm that was not asked for."""
    agent = an_agent()
    for wrong in ({-3: b"\1" * 32}, {3: -257}, {3: -35}, {1: 9}):
        device = Device()
        whole = {**device.public_key(), **wrong}
        device.public_key = lambda key=whole: key
        kept, options = passkeys.begin_registration(agent)
        with pytest.raises(PasskeyUnusable):
            passkeys.finish_registration(agent, kept, device.creates(options), "")


def test_a_challenge_is_answered_once(db):
    agent = an_agent()
    passkey, device = added(agent)
    kept, options = passkeys.begin_log_in()
    answer = device.gets(options)
    passkeys.finish_log_in(kept, answer)
    for again in (answer, device.gets(options)):
        with pytest.raises(ChallengeOver):
            passkeys.finish_log_in(kept, again)
    kept, options = passkeys.begin_log_in()
    with pytest.raises(PasskeyRefused):                         # the answer to another challenge
        passkeys.finish_log_in(kept, answer)
    with pytest.raises(ChallengeOver):                          # a wrong answer spends it too
        passkeys.finish_log_in(kept, device.gets(options))


@ONE_ENGINE
def test_a_challenge_lasts_five_minutes(db):
    _, device = added(an_agent())
    kept, options = passkeys.begin_log_in()
    with time_machine.travel(now() + FIVE_MINUTES + datetime.timedelta(seconds=2), tick=False):
        with pytest.raises(ChallengeOver):
            passkeys.finish_log_in(kept, device.gets(options))


@ONE_ENGINE
def test_a_challenge_serves_what_it_was_asked_for(db):
    agent, other = an_agent(), an_agent()
    _, device = added(agent)
    for begin in (passkeys.begin_log_in, lambda: passkeys.begin_proof(other)):
        kept, options = begin()
        with pytest.raises(ChallengeOver):
            passkeys.finish_proof(agent, kept, device.gets(options))
    kept, options = passkeys.begin_proof(agent)
    with pytest.raises(ChallengeOver):
        passkeys.finish_log_in(kept, device.gets(options))
    kept, options = passkeys.begin_registration(other)
    with pytest.raises(ChallengeOver):
        passkeys.finish_registration(agent, kept, Device().creates(options), "")
    for nothing in ("", "x" * 5000, "é"):
        with pytest.raises(ChallengeOver):
            passkeys.finish_log_in(nothing, device.gets(options))


def test_a_counter_that_goes_back_is_refused_and_journalled(db):
    agent = an_agent()
    passkey, device = added(agent)
    logs_in(device)
    for count in (0, -1):       # the same number again, then none where there was one
        with pytest.raises(PasskeyDoubtful):
            logs_in(device, count=count)
    assert traces("cle_douteuse") == 2 and Passkey.get().sign_count == 1
    assert logs_in(device, count=1) == agent


@ONE_ENGINE
def test_only_who_has_the_key_raises_the_alarm(db):
    _, device = added(an_agent())
    logs_in(device)
    with pytest.raises(PasskeyRefused):
        logs_in(device, key=ec.generate_private_key(ec.SECP256R1()), count=0)
    assert traces("cle_douteuse") == 0


def test_a_suspension_closes_the_door_between_challenge_and_answer_too(db):
    agent = an_agent()
    _, device = added(agent)
    kept, options = passkeys.begin_log_in()
    answer = device.gets(options)
    accounts.suspend(CLOCK, agent)
    with pytest.raises(AccountSuspended):
        passkeys.finish_log_in(kept, answer)
    with pytest.raises(AccountSuspended):
        logs_in(device)
    accounts.reactivate(CLOCK, agent)
    assert logs_in(device) == agent


def test_a_passkey_that_was_removed_opens_nothing(db):
    agent, other = an_agent(), an_agent()
    passkey, device = added(agent)
    with pytest.raises(NotYours):
        passkeys.one_of(other, passkey.id)
    passkeys.remove(other, passkey)
    assert logs_in(device) == agent
    passkeys.remove(agent, passkey)
    with pytest.raises(PasskeyUnknown):
        logs_in(device)
    assert traces("retirer_cle") == 1


def test_the_second_factor_s_reset_takes_passkeys_away(db):
    agent, other = an_agent(), an_agent()
    _, device = added(agent)
    _, others = added(other)
    second_factor.reset(CLOCK, agent)
    with pytest.raises(PasskeyUnknown):
        logs_in(device)
    assert logs_in(others) == other


def test_another_account_s_passkey_is_no_second_factor_of_this_one(db):
    agent, other = an_agent(), an_agent()
    _, device = added(other)
    added(agent)
    kept, options = passkeys.begin_log_in()
    with pytest.raises(PasskeyOfAnother):
        passkeys.finish_log_in(kept, device.gets(options), agent)
    kept, options = passkeys.begin_proof(agent)
    with pytest.raises(PasskeyOfAnother):
        passkeys.finish_proof(agent, kept, device.gets(options))


def test_the_same_passkey_is_not_added_twice_nor_taken_over(db):
    agent, other = an_agent(), an_agent()
    _, device = added(agent)
    for whose in (agent, other):
        with pytest.raises(PasskeyKnown):
            added(whose, device)
    assert Passkey.select().count() == 1 and Mail.select().count() == 1


def test_ten_passkeys_are_enough(db):
    agent = an_agent()
    begun = passkeys.begin_registration(agent)
    for _ in range(10):
        added(agent)
    with pytest.raises(TooManyPasskeys):
        passkeys.begin_registration(agent)
    with pytest.raises(TooManyPasskeys):
        passkeys.finish_registration(agent, begun[0], Device().creates(begun[1]), "")


@ONE_ENGINE
def test_the_address_people_type_is_the_only_one(db, settings):
    use(dataclasses.replace(settings, base_url="https://maprocuration.example/"))
    assert (passkeys.origin(), passkeys.rp_id()) == ("https://maprocuration.example", "maprocuration.example")
    agent = an_agent()
    _, device = added(agent, Device("https://maprocuration.example", "maprocuration.example"))
    assert logs_in(device) == agent


@ONE_ENGINE
def test_its_owner_learns_of_each_change_and_no_name_goes_into_the_mail(db):
    agent = an_agent()
    passkey, _ = added(agent, name="https://evil.example")
    passkeys.remove(agent, passkey)
    told = [outbox.render(mail.name, mail.context) for mail in Mail.select().order_by(Mail.id)]
    assert [mail.recipient for mail in Mail.select()] == [agent.email] * 2
    assert "ajoutée" in told[0].text and "retirée" in told[1].text
    assert not any("evil" in mail.text + mail.html for mail in told)


@pytest.mark.parametrize("typed, kept", [
    (" Clé  bleue\n", "Clé bleue"), ("a\x00b\u202ec", "abc"), ("x" * 100, "x" * 60), (None, ""),
    ("🔑 YubiKey", "🔑 YubiKey")])
def test_a_name_is_one_line(typed, kept):
    assert passkeys.named(typed) == kept


# --- The pages ------------------------------------------------------------------------------------------------------

class Door(Browser):
    """A browser at the log-in, whose passkey is on a device of its own."""

    def gives(self, answer, page="/connexion", form="/connexion/cle"):
        """Send the form of the passkey button on a page."""
        found = re.search(rf'action="{form}".*?name="csrf_token" value="([^"]+)"', self.client.get(page).text, re.S)
        return self.client.post(form, data={"csrf_token": found.group(1), "cle": answer})

    def asked(self):
        return self.client.get("/connexion/cle/defi").text


@pytest.fixture
def door(app):
    return Door(app)


@pytest.mark.parametrize("role", [Role.OFFICER, Role.COMMUNE, Role.MANAGER, Role.MINISTRY])
@ONE_ENGINE
def test_a_passkey_alone_opens_the_back_office(door, role):
    agent = an_agent(role)
    _, device = added(agent)
    log_in(door.client, voter=a_voter())
    answer = door.gives(device.gets(door.asked()))
    assert (answer.status_code, answer.location) == (303, "/admin/") and door.is_in
    session = WebSession.get()
    assert session.agent == agent and session.proved_at and traces("connexion") == 1


def test_what_one_browser_was_asked_another_cannot_answer(door, app, caplog):
    _, device = added(an_agent())
    answer = device.gets(door.asked())
    other = Door(app)
    other.asked()
    for thief in (other, Door(app)):
        refused = thief.gives(answer)
        assert refused.status_code in (400, 422) and "<title>Erreur" in refused.text and not thief.is_in
    assert "by passkey was refused" in caplog.text and "@" not in caplog.text
    assert door.gives(answer).status_code == 303


@ONE_ENGINE
def test_an_answer_sent_again_opens_nothing(door, app):
    _, device = added(an_agent())
    asked = door.asked()
    cookie = door.client.get_cookie("maprocuration")
    answer = device.gets(asked)
    door.gives(answer)
    thief = Door(app)
    thief.client.set_cookie(cookie.key, cookie.value)       # the cookie of before, and all that was sent
    refused = thief.gives(answer)
    assert refused.status_code == 400 and "a déjà servi" in refused.text and not thief.is_in


@ONE_ENGINE
def test_a_suspended_account_is_told_so_once_it_is_proved(door):
    agent = an_agent(Role.MINISTRY)
    _, device = added(agent)
    answer = device.gets(door.asked())
    accounts.suspend(CLOCK, agent)
    refused = door.gives(answer)
    assert refused.status_code == 403 and "suspendu" in refused.text and not WebSession.select().exists()


@ONE_ENGINE
def test_a_session_opened_by_a_passkey_dies_like_any_other(door, app):
    agent = an_agent()
    _, device = added(agent)
    for end in (lambda: (accounts.suspend(CLOCK, agent), accounts.reactivate(CLOCK, agent)),
                lambda: accounts.choose_password(accounts.invite(agent), "encore une phrase assez longue"),
                lambda: Desk(app, agent).opens(PROFILE).presses("Fermer toutes mes autres sessions")):
        assert door.gives(device.gets(door.asked())).status_code == 303
        end()
        assert door.client.get("/admin/").location == "/connexion"


def test_a_passkey_takes_the_place_of_the_code(door):
    agent, _ = protected(an_agent())
    other = an_agent()
    (_, device), (_, others) = added(agent), added(other)
    door.logs_in(agent.email)
    page = "/connexion/code", "/connexion/code/cle"
    refused = door.gives(others.gets(door.asked()), *page)
    assert refused.status_code == 422 and "celle d’un autre compte" in refused.text
    assert "<title>Erreur : Code de connexion" in refused.text.replace("\u00a0", " ") and not door.is_in
    assert door.gives(device.gets(door.asked()), *page).status_code == 303
    assert WebSession.get().agent == agent


@ONE_ENGINE
def test_without_a_passkey_the_page_of_the_code_does_not_speak_of_them(door):
    agent, _ = protected(an_agent())
    door.logs_in(agent.email)
    assert "data-passkey" not in door.client.get("/connexion/code").text
    assert Door(door.client.application).client.post("/connexion/code/cle").status_code == 400


def test_passkeys_are_added_named_and_removed_in_the_profile(app):
    desk, device = Desk(app, an_agent(Role.MANAGER)), Device()
    desk.opens(PROFILE).follows("Ajouter une clé d’accès")
    answer = device.creates(desk.client.get(f"{KEYS}/defi").text)
    desk.presses("Créer la clé d’accès", cle=answer, name=" Clé\tbleue ")
    assert desk.page.request.path == PROFILE and "Clé bleue" in desk.said and "Jamais" in desk.said
    desk.follows("Renommer").presses("Enregistrer ce nom", name="<b>Clé</b>")
    assert "&lt;b&gt;Clé&lt;/b&gt;" in desk.text and "<b>Clé</b>" not in desk.text
    desk.follows("Retirer").presses("Retirer la clé d’accès")
    assert desk.page.request.path == PROFILE and "n’ouvre plus rien" in desk.said and not Passkey.select().exists()
    assert [mail.recipient for mail in Mail.select()] == [desk.agent.email] * 2


@ONE_ENGINE
def test_a_passkey_that_cannot_be_kept_is_said_so_on_its_page(app):
    desk = Desk(app, an_agent(Role.MANAGER))
    desk.opens(f"{KEYS}/ajouter")
    desk.client.get(f"{KEYS}/defi")
    desk.presses("Créer la clé d’accès", name="Clé bleue")                      # no script: no answer
    assert desk.page.status_code == 422 and "rien n’est enregistré" in desk.said and 'value="Clé bleue"' in desk.text
    for _ in range(10):
        added(desk.agent)
    assert {desk.client.get(f"{KEYS}/{page}").status_code for page in ("ajouter", "defi")} == {409}
    assert "retirez-en une" in desk.opens(PROFILE).said


@ONE_ENGINE
def test_what_changes_passkeys_wants_a_fresh_proof(app):
    agent, _ = protected(an_agent(Role.MINISTRY))
    passkey, device = added(agent)
    desk = Desk(app, agent)
    for page in ("ajouter", f"{passkey.id}/renommer", f"{passkey.id}/retirer"):
        assert stale(desk).opens(f"{KEYS}/{page}").title == CONFIRM
    answer = device.gets(desk.client.get("/connexion/preuve/defi").text)
    desk.presses("Confirmer par une clé d’accès", preuve_cle=answer)
    assert desk.page.request.path == f"{KEYS}/{passkey.id}/retirer" and traces("connexion") == 0


def test_a_proof_by_passkey_is_the_account_s_own_and_of_this_browser(app):
    agent, _ = protected(an_agent(Role.MANAGER))
    (_, device), (_, others) = added(agent), added(an_agent(Role.MANAGER))
    desk = Desk(app, agent)
    stale(desk).opens("/admin/comptes/new/")
    for answered in (lambda asked: others.gets(asked), lambda asked: "", lambda asked: device.gets(Door(app).asked())):
        answer = answered(desk.client.get("/connexion/preuve/defi").text)
        desk.presses("Confirmer par une clé d’accès", preuve_cle=answer)
        assert desk.page.status_code == 422 and desk.title == f"Erreur : {CONFIRM}"
    desk.presses("Confirmer", preuve_code=code())
    assert desk.page.request.path == "/admin/comptes/new/"


@ONE_ENGINE
def test_nobody_sees_or_touches_the_passkey_of_another(app):
    passkey, _ = added(an_agent(Role.MANAGER))
    for role in (Role.MANAGER, Role.MINISTRY):
        desk = Desk(app, an_agent(role))
        for page in ("renommer", "retirer"):
            assert desk.client.get(f"{KEYS}/{passkey.id}/{page}").status_code == 404
            assert desk.client.get(f"{KEYS}/{2 ** 70}/{page}").status_code == 404
    assert "Téléphone" not in desk.opens(PROFILE).said


# --- In a browser, with an authenticator of Chromium's own ----------------------------------------------------------

@pytest.fixture
def portal(settings):
    """Its address, and the portal itself, served as long as the test lasts."""
    server = make_server("127.0.0.1", 0, None, threaded=True)
    url = f"http://localhost:{server.port}"
    server.app = create_app(dataclasses.replace(settings, base_url=url))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    database.connect(reuse_if_open=True)
    yield url, server.app
    server.shutdown()
    thread.join()
    server.server_close()
    database.close()


@pytest.fixture
def page(browser, portal):
    """Of an agent who is in, with a device that recognises them."""
    url, app = portal
    context = browser.new_context(viewport=PHONE, base_url=url)
    log_in(client := app.test_client(), agent=an_agent(Role.MANAGER))
    cookie = client.get_cookie("maprocuration")
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": url}])
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.said = []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.device = context.new_cdp_session(page)
    page.device.send("WebAuthn.enable")
    page.authenticator = page.device.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True}})["authenticatorId"]
    yield page
    context.close()
    assert page.said == []


def recognises(page, whether):
    page.device.send("WebAuthn.setUserVerified", {"authenticatorId": page.authenticator, "isUserVerified": whether})


@needs_chromium
@ONE_ENGINE
def test_a_browser_makes_a_passkey_and_comes_in_by_it(page):
    page.goto(f"{KEYS}/ajouter")
    page.get_by_role("button", name="Créer la clé d’accès").click()
    page.wait_for_url(f"**{PROFILE}")
    page.goto(f"{KEYS}/ajouter")
    page.get_by_role("button", name="Créer la clé d’accès").click()
    expect(page.get_by_text("Cet appareil a déjà une clé d’accès")).to_be_visible()
    page.context.clear_cookies()
    page.goto("/connexion")
    page.get_by_role("button", name="Se connecter avec une clé d’accès").click()
    page.wait_for_url("**/admin/")
    WebSession.update(proved_at=None).execute()
    page.goto(f"{PROFILE}mot-de-passe")
    page.get_by_role("button", name="Confirmer par une clé d’accès").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Changer mon mot de passe")


@needs_chromium
@ONE_ENGINE
def test_who_gives_up_is_told_nothing_and_an_outage_is_said(page):
    page.context.clear_cookies()
    page.goto("/connexion")
    button, told = page.locator("[data-passkey]"), page.locator("#cle-dit")
    recognises(page, False)
    button.click()
    expect(button).to_have_attribute("aria-busy", "false")
    assert told.text_content() == "" and button.text_content() == "Se connecter avec une clé d’accès"
    page.route("**/defi", lambda route: route.abort())
    button.click()
    expect(told).to_contain_text("Le service n’a pas répondu")
    page.said.clear()      # the browser says that the request was cut


@needs_chromium
@ONE_ENGINE
def test_without_a_script_no_button_promises_anything(browser, portal):
    context = browser.new_context(java_script_enabled=False, base_url=portal[0])
    page = context.new_page()
    page.goto("/connexion")
    expect(page.locator("[data-passkey]")).to_be_hidden()
    context.close()
