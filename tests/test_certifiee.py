"""Without a visit: a certified digital identity, accepted where the rules say so (décret n° 2025-1059)."""
import datetime
import hashlib
import json
import logging
import threading
import time

import pytest
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, RSAKey, import_key

from demo import tokens
from demo.franceconnect import running_provider
from demo.identities import IDENTITIES
from demo.plus import ID_TOKEN_ENVELOPES, USERINFO_ENVELOPES, WRONG_CLAIMS, PlusProvider
from models import Event, Mail, Passage, Procuration, Rules, SingleUse, Voter, WebSession, now
from portal import certified, procedure, scrutins, voters
from portal.decryption import Keys, NotEncrypted, Unopened, UnusableKey
from portal.errors import NotYours
from portal.settings import Settings, UnusableSetting, load, use
from tests import plus
from tests.engines import LOOPBACK, ONE_ENGINE
from tests.factories import (a_commune, a_demande, a_period, a_procuration, a_scrutin, a_voter, an_agent, an_officer,
                             fresh, log_in)
from tests.statements import count_statements
from tests.test_franceconnect import HOME, RETURN, SECRET, Person, asked, link
from tests.test_settings import SAFE

BACK, AFTER = "http://localhost/franceconnect/retour-certifie", "http://localhost/deconnexion/suite"
PROOF = {"acr": "eidas2", "auth_time": 1, "issuer": "https://fc.example", "sub": "0" * 64, "at": "2026-03-01T09:00"}
TAMPERED = sorted({*tokens.WRONG_CLAIMS, *tokens.WRONG_USERINFO, *tokens.ID_TOKEN_SIGNATURES, *WRONG_CLAIMS,
                   *tokens.USERINFO_SIGNATURES, *ID_TOKEN_ENVELOPES, *USERINFO_ENVELOPES, "no_id_token",
                   "wrong_callback_iss", "no_callback_iss"})


@pytest.fixture(scope="module")
def running():
    with running_provider("maprocuration-demo", SECRET, [RETURN], [HOME]) as (_, low), \
            running_provider(plus.CLIENT, plus.SECRET, [BACK], [AFTER], kind=PlusProvider,
                             client_keys=plus.published()) as (_, high):
        yield low, high


@pytest.fixture
def providers(running):
    for provider in running:
        provider.fault, provider.identities = None, {identity.login: identity for identity in IDENTITIES}
        provider.client_keys = plus.published()
    yield running
    for provider in running:
        provider.fault = None


@pytest.fixture
def high(providers):
    return providers[1]


@pytest.fixture
def settings(database_url, providers, tmp_path):
    low, high = providers
    return use(Settings(database_url=database_url, secret_key="s" * 64, journal_key="j" * 64, base_url=HOME[:-1],
                        mail_url=f"mailbox:{tmp_path}", franceconnect_issuer=low.issuer,
                        franceconnect_client_secret=SECRET, shared_networks=LOOPBACK, **plus.settings_of(high.issuer)))


@pytest.fixture
def unprotected(app):
    app.config["WTF_CSRF_ENABLED"] = False
    return app


@pytest.fixture
def camille(unprotected):
    """A voter with a request, in a scrutin whose rules accept a certified identity."""
    return Mandant(unprotected)


class Mandant(Person):
    """Somebody who logs in as usual, then again with more proof."""

    def __init__(self, app, login="durand"):
        super().__init__(app)
        self.login, self.act = login, "etablir"
        self.logs_in(login)
        self.voter = Voter.select().order_by(Voter.id.desc()).get()
        self.file = a_procuration(voter=self.voter, scrutin=an_accepting_scrutin())

    @property
    def page(self):
        return f"/mes-procurations/{self.file.id}{'/resilier' * (self.act == 'resilier')}/sans-deplacement"

    def opens(self):
        return self.portal.get(self.page)

    def leaves(self):
        return link(self.portal.post(f"{self.page}/identite"))

    def returns(self, login=None, level="eidas2"):
        """The address that FranceConnect+ sends the browser back to."""
        return self.franceconnect.proves(self.leaves(), login or self.login, level)

    def proves(self, login=None, level="eidas2"):
        """The page after the whole way there and back."""
        return self.portal.get(self.returns(login, level), follow_redirects=True)

    def confirms(self, version=None):
        version = fresh(self.file).version if version is None else version
        return self.portal.post(self.page, data={"version": version})

    def establishes(self, **how):
        self.proves(**how)
        return self.confirms()

    @property
    def status(self):
        return fresh(self.file).status


def an_accepting_scrutin(**columns):
    scrutin = a_scrutin(**columns)
    Rules.create(scrutin=scrutin, certified_identity=True)
    return scrutin


def reads_again(page):
    assert page.status_code == 200
    return "Votre identité est certifiée" in page.text


def is_stopped(page, sentence, status=403):
    assert page.status_code == status and sentence in page.text, page.text
    assert "Rien n’a changé" in page.text
    return True


# The whole way

def test_a_voter_establishes_a_procuration_without_a_visit_2025_1059(camille, high):
    assert reads_again(camille.proves())
    assert camille.status == "deposee", "nothing is established before the last word"
    assert camille.confirms().location == "/mes-procurations"
    file = fresh(camille.file)
    assert file.status == "etablie" and file.officer is None and file.authority == ""
    assert "établie, sans déplacement" in camille.portal.get("/mes-procurations").text


def test_the_evidence_is_kept_with_the_act_and_no_token(camille, high):
    before = int(time.time())
    camille.establishes(level="eidas3")
    kept = fresh(camille.file).certified
    assert kept.keys() == {"acr", "auth_time", "issuer", "sub", "at_hash", "at"}
    assert (kept["acr"], kept["issuer"]) == ("eidas3", high.issuer) and kept["auth_time"] >= before
    assert kept["sub"] == hashlib.sha256(high.sub_of("durand").encode()).hexdigest()
    assert "eyJ" not in json.dumps(kept) and WebSession.get().certified is None


def test_one_passage_one_event_one_mail_by_the_voter_and_a_place_is_taken(camille):
    camille.establishes()
    passage = Passage.get(Passage.act == "etablir")
    assert (passage.role, passage.agent) == ("voter", None)
    assert Event.select().where(Event.act == "etablir").count() == 1
    assert Event.select().where(Event.act == "identite_certifiee").count() == 1
    mail = Mail.get(Mail.name == "etablie")
    assert mail.recipient == camille.voter.email and mail.context["authority"] == ""
    assert all(row.place == 1 for row in camille.file.couvertures) and camille.file.couvertures.count() == 2
    assert camille.file.reference.used_at


def test_the_mail_and_the_recepisse_say_without_a_visit(camille):
    camille.establishes()
    page = camille.portal.get(f"/mes-procurations/{camille.file.id}/recepisse")
    assert "identité numérique certifiée" in page.text and "Fait à" not in page.text


def test_the_officer_who_types_the_reference_hears_that_it_is_established(camille, unprotected):
    camille.establishes()
    counter = unprotected.test_client()
    log_in(counter, agent=an_officer())
    page = counter.post("/admin/guichet/", data={"reference": camille.file.reference.code})
    assert page.status_code == 409 and "par le mandant" in page.text


def test_the_town_hall_reads_how_sure_the_identity_was(camille, unprotected):
    camille.establishes()
    hall = unprotected.test_client()
    log_in(hall, agent=an_agent(commune=camille.file.commune))
    page = hall.get(f"/admin/procurations/details/?id={camille.file.id}").text
    assert "Identité numérique certifiée" in page and "substantiel (eidas2)" in page


def test_a_procuration_is_ended_without_a_visit_2025_1059(camille):
    camille.establishes()
    camille.act = "resilier"
    assert "Relire et résilier" in camille.proves().text
    assert camille.confirms().location == "/mes-procurations" and camille.status == "resiliee"
    passage = Passage.get(Passage.act == "resilier")
    assert passage.role == "voter" and passage.evidence["acr"] == "eidas2"
    assert not camille.file.couvertures.count()
    again = a_procuration(voter=camille.voter, scrutin=camille.file.scrutin)
    procedure.etablir(again, an_officer())
    assert all(row.place for row in again.couvertures), "the vote can be given again at once"


# Where it is offered

@ONE_ENGINE
def test_it_stands_beside_the_visit_where_the_rules_accept_it(camille):
    for path in ("/mes-procurations", f"/demande/{camille.file.id}/confirmation"):
        page = camille.portal.get(path).text
        assert camille.page in page and camille.file.reference.shown in page and "gendarmerie" in page


@ONE_ENGINE
def test_it_does_not_exist_where_the_rules_say_nothing_2025_1059(camille):
    Rules.delete().execute()
    assert camille.page not in camille.portal.get("/mes-procurations").text
    assert camille.opens().status_code == 404
    assert camille.portal.post(f"{camille.page}/identite").status_code == 404
    assert camille.confirms().status_code == 404


@ONE_ENGINE
def test_it_does_not_exist_without_a_second_franceconnect(settings, client):
    voter = a_voter()
    file = a_procuration(voter=voter, scrutin=an_accepting_scrutin())
    log_in(client, voter=voter)
    use(Settings(**{**settings.__dict__, **dict.fromkeys(plus.settings_of(""), "")}))
    client.application.extensions["franceconnect_plus"] = None
    assert "sans-deplacement" not in client.get("/mes-procurations").text
    assert client.get(f"/mes-procurations/{file.id}/sans-deplacement").status_code == 404
    assert client.get("/franceconnect/cles").status_code == 404
    assert client.get("/franceconnect/retour-certifie?state=s&code=c").status_code == 400


@ONE_ENGINE
def test_a_period_wants_the_general_rules_and_those_of_each_scrutin_within_it(db, settings):
    scrutin = a_scrutin()
    file = a_procuration(demande=a_period(scrutins.today(a_commune()) + datetime.timedelta(days=90)))
    rules = Rules.create(certified_identity=True)
    assert certified.accepted_among([file])
    Rules.create(scrutin=scrutin)
    assert not certified.accepted_among([file])
    rules.delete_instance()
    Rules.update(certified_identity=True).execute()
    assert not certified.accepted_among([file])


@ONE_ENGINE
@pytest.mark.parametrize("general, of_scrutin, local, accepted", [
    (True, None, None, True), (True, False, None, False), (False, True, None, True), (False, True, False, False),
    (False, False, True, True), (False, None, None, False)])
def test_the_most_specific_rules_decide(db, settings, general, of_scrutin, local, accepted):
    file = a_procuration()
    for value, columns in ((general, {}), (of_scrutin, {"scrutin": file.scrutin}),
                           (local, {"scrutin": file.scrutin, "territory": "69"})):
        if value is not None:
            Rules.create(certified_identity=value, **columns)
    assert certified.accepted_among([file]) == ({file.id} if accepted else set())


def test_however_many_files_the_same_statements_tell_which(db, settings):
    scrutin, voter = an_accepting_scrutin(), a_voter()
    Rules.create(certified_identity=True)
    files = [a_procuration(demande=a_demande(scrutin), voter=voter) for _ in range(3)]
    files += [a_procuration(demande=a_period(scrutins.today(a_commune()) + datetime.timedelta(days=90)), voter=voter)]
    read = list(Procuration.select().where(Procuration.id.in_([file.id for file in files])))
    assert [file.commune.name for file in read]
    with count_statements() as made:
        assert certified.accepted_among(read) == {file.id for file in files}
    assert len(made) <= 3


# Who may, and when

@ONE_ENGINE
def test_the_service_itself_wants_the_voter_s_own_file_the_rules_and_a_proof(db):
    file = a_procuration(scrutin=an_accepting_scrutin())
    for actor, proof in ((a_voter(), PROOF), (file.voter, None)):
        with pytest.raises(NotYours):
            procedure.etablir(fresh(file), actor, certified=proof)
    plain = a_procuration()
    with pytest.raises(NotYours):
        procedure.etablir(plain, plain.voter, certified=PROOF)
    procedure.etablir(fresh(file), file.voter, certified=PROOF)
    assert fresh(file).certified == PROOF


def test_somebody_else_s_file_does_not_exist(camille, unprotected):
    other = Mandant(unprotected, "morvan")
    other.file = camille.file
    for answer in (other.opens(), other.portal.post(f"{other.page}/identite"), other.confirms()):
        assert answer.status_code == 404
    assert camille.status == "deposee"


@ONE_ENGINE
def test_nothing_is_established_without_a_proof(camille):
    answer = camille.confirms()
    assert (answer.status_code, answer.location) == (303, camille.page)
    assert camille.status == "deposee" and "Identifiez-vous de nouveau" in camille.opens().text


@ONE_ENGINE
def test_a_proof_is_good_for_one_file_and_one_act(camille):
    camille.proves()
    first, camille.file = camille.file, a_procuration(voter=camille.voter, scrutin=an_accepting_scrutin())
    assert not reads_again(camille.opens()) and camille.confirms().location == camille.page
    camille.file = first
    procedure.etablir(fresh(first), an_officer())
    camille.act = "resilier"
    assert not reads_again(camille.opens())
    camille.confirms()
    assert camille.status == "etablie", "who meant to give the vote has not taken it back"


@ONE_ENGINE
def test_a_proof_is_good_for_ten_minutes(camille):
    camille.proves()
    proof = WebSession.get().certified
    proof["evidence"]["auth_time"] -= certified.LIFE.total_seconds()
    WebSession.update(certified=proof).execute()
    assert not reads_again(camille.opens())
    camille.confirms()
    assert camille.status == "deposee"


@ONE_ENGINE
def test_an_officer_who_was_faster_is_named(camille):
    camille.proves()
    procedure.etablir(fresh(camille.file), an_officer())
    answer = camille.confirms()
    assert answer.status_code == 409 and fresh(camille.file).certified is None


@ONE_ENGINE
def test_what_was_read_is_what_is_established(camille):
    """The file moved after the page was shown: its version is not the one that was read."""
    camille.proves()
    assert camille.confirms(version=7).status_code == 409 and camille.status == "deposee"
    assert reads_again(camille.opens()), "the proof was not spent"
    camille.confirms()
    assert camille.status == "etablie"


def test_a_second_click_establishes_nothing_twice(camille):
    camille.proves()
    version = fresh(camille.file).version
    answers = [camille.confirms(version) for _ in range(2)]
    assert [answer.location for answer in answers] == ["/mes-procurations"] * 2
    assert Passage.select().where(Passage.act == "etablir").count() == 1


@ONE_ENGINE
def test_a_request_that_came_too_late_or_was_withdrawn_says_so(camille):
    Procuration.update(lapses_at=now()).execute()
    assert camille.opens().status_code == 409
    procedure.retirer(fresh(camille.file), camille.voter)
    assert camille.opens().status_code == 409


@ONE_ENGINE
def test_who_would_get_no_place_is_told_before_the_last_word(camille):
    given = a_procuration(voter=camille.voter, scrutin=camille.file.scrutin)
    procedure.etablir(given, an_officer())
    Procuration.update(status="deposee").where(Procuration.id == camille.file.id).execute()  # as if filed after it
    assert "La première établie garde le vote" in camille.proves().text


# Who it is

def test_another_person_is_refused_and_nothing_changes(camille, high):
    assert is_stopped(camille.proves("morvan"), "Ce n’est pas la même personne")
    assert camille.status == "deposee" and WebSession.get().certified is None
    assert camille.is_in, "the voter's own session is nobody else's"
    assert Event.select().where(Event.act == "autre_identite").count() == 1
    assert Voter.select().count() == 1
    assert reads_again(camille.proves())


@ONE_ENGINE
def test_a_twin_is_another_person(unprotected, high):
    assert is_stopped(Mandant(unprotected, "orsatelli").proves("orsatelli-jumelle"), "Ce n’est pas la même personne")


@ONE_ENGINE
@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity.login)
def test_every_sample_person_is_the_same_on_both_sides(unprotected, high, identity):
    assert reads_again(Mandant(unprotected, identity.login).proves())


@pytest.mark.parametrize("change", [
    {"family_name": "DURANT"}, {"given_name": "Camille"}, {"birthdate": "1985-04-13"}, {"gender": "male"},
    {"birthplace": "35239"}, {"birthcountry": "99352"}])
def test_each_part_of_the_identity_counts(change):
    said = {"family_name": "Durand", "given_name": "CAMILLE Jeanne", "birthdate": "1985-04-12", "gender": "female",
            "birthplace": "35238", "birthcountry": "99100"}
    voter = Voter(key="DURAND|CAMILLEJEANNE|1985-04-12", sex="F", birth_place="35238", birth_country="99100")
    assert voters.is_same(voter, said)
    assert not voters.is_same(voter, {**said, **change})
    assert not voters.is_same(voter, {**said, **{f"rnipp_{name}": value for name, value in change.items()}})


def test_the_register_wins_over_the_card():
    said = {"family_name": "DURAND EPOUSE PETIT", "rnipp_family_name": "DURAND", "given_name": "Camille",
            "rnipp_given_name": "Camille Jeanne", "birthdate": "1985-00-00", "rnipp_birthdate": "1985-01-01",
            "gender": "female", "birthplace": "35238", "birthcountry": "99100"}
    voter = Voter(key="DURAND|CAMILLEJEANNE|1985-00-00", sex="F", birth_place="35238", birth_country="99100")
    assert voters.is_same(voter, said)


@ONE_ENGINE
def test_an_identity_without_a_name_is_explained(camille, high):
    high.alter("durand", family_name=None)
    assert is_stopped(camille.proves(), "Votre identité est incomplète", 422)


# What FranceConnect+ says, and whether it may be believed

@ONE_ENGINE
def test_what_is_asked_is_a_fresh_proof_at_a_high_level(camille):
    sent = asked(camille.leaves())
    assert set(sent) == {"client_id", "response_type", "redirect_uri", "scope", "state", "nonce", "acr_values",
                         "prompt"}
    assert (sent["acr_values"], sent["prompt"], sent["redirect_uri"]) == ("eidas2", "login", BACK)
    assert len(sent["state"]) >= 32 and len(sent["nonce"]) >= 32


@ONE_ENGINE
@pytest.mark.parametrize("level, accepted", [("eidas1", False), ("eidas2", True), ("eidas3", True)])
def test_the_level_is_checked_in_the_answer(camille, level, accepted):
    page = camille.proves(level=level)
    assert reads_again(page) if accepted else is_stopped(page, "n’est pas certifiée")


@ONE_ENGINE
@pytest.mark.parametrize("fault", TAMPERED)
def test_a_tampered_answer_proves_nothing(camille, high, fault):
    high.fault = fault
    page = camille.proves()
    assert page.status_code in (400, 403) and "Rien n’a changé" in page.text
    assert WebSession.get().certified is None and camille.is_in
    camille.confirms()
    assert camille.status == "deposee"


@ONE_ENGINE
def test_an_old_proof_says_that_it_is_old(camille, high):
    high.fault = "stale"
    assert is_stopped(camille.proves(), "trop ancienne")


@ONE_ENGINE
def test_an_answer_for_the_other_door_opens_none(camille, providers):
    """The state of a log-in is worth nothing here, and the other way round."""
    plain = camille.chooses()
    assert is_stopped(camille.comes_back(plain.replace("/retour?", "/retour-certifie?")), "à recommencer", 400)
    strong = camille.returns()
    page = camille.comes_back(strong.replace("/retour-certifie?", "/retour?"))
    assert page.status_code == 400 and WebSession.get().certified is None


@ONE_ENGINE
def test_the_answer_of_another_browser_or_session_is_refused(camille, unprotected):
    other = Mandant(unprotected, "morvan")
    assert is_stopped(other.portal.get(camille.returns()), "à recommencer", 400)
    address = camille.returns()
    camille.logs_in()
    assert is_stopped(camille.portal.get(address), "à recommencer", 400), "another session of the same voter"
    camille.logs_out()
    assert camille.portal.get(camille.franceconnect and address).status_code == 400


@ONE_ENGINE
def test_giving_up_there_changes_nothing(camille):
    page = camille.portal.get(camille.franceconnect.cancels(camille.leaves()))
    assert is_stopped(page, "n’est pas allée à son terme", 200) and camille.page in page.text
    assert camille.status == "deposee"


@ONE_ENGINE
@pytest.mark.parametrize("fault", ["token_500", "userinfo_html", "jwks_500"])
def test_an_outage_says_so_and_keeps_the_request(camille, high, unprotected, fault):
    address = camille.returns()
    high.fault = fault
    page = camille.portal.get(address)
    assert page.status_code == 503 and "FranceConnect+ ne répond pas" in page.text
    high.fault = None
    assert reads_again(camille.proves()) and camille.is_in


@ONE_ENGINE
def test_an_outage_before_leaving_says_so(camille, high):
    high.fault = "discovery_500"
    page = camille.portal.post(f"{camille.page}/identite")
    assert page.status_code == 503 and page.headers["Retry-After"]


def test_a_reload_of_the_answer_asks_nothing_again(camille, high):
    address = camille.returns()
    assert camille.portal.get(address).location == camille.page
    high.seen.clear()
    assert camille.portal.get(address).location == camille.page
    assert not [call for call in high.seen if call[1] == "token"]


def test_a_double_click_shares_one_proof(camille, high, monkeypatch):
    address, signed = camille.returns(), high.userinfo

    def slowly(grant):
        time.sleep(0.5)
        return signed(grant)
    monkeypatch.setattr(high, "userinfo", slowly)
    twin = camille.portal.application.test_client()
    twin.set_cookie("maprocuration", camille.cookie)
    answers = []
    first = threading.Thread(target=lambda: answers.append(camille.portal.get(address)))
    first.start()
    time.sleep(0.2)
    answers.append(twin.get(address))
    first.join(15)
    assert [answer.location for answer in answers] == [camille.page] * 2


@ONE_ENGINE
def test_logs_hold_no_claim_code_or_token(camille, high, caplog):
    caplog.set_level(logging.INFO)
    camille.proves("morvan")
    for fault in ("torn_envelope", "wrong_nonce", "token_html"):
        high.fault = fault
        camille.proves()
    for secret in ("DURAND", "MORVAN", "Hélène", "eyJ", plus.SECRET, high.sub_of("durand"), high.sub_of("morvan")):
        assert secret not in caplog.text


# Leaving

def test_log_out_ends_all_three_sessions(camille, providers):
    low, high = providers
    camille.proves()
    page = camille.logs_out()
    assert not camille.is_in and not WebSession.select().exists()
    there = camille.franceconnect.browser.get(link(page), allow_redirects=False).headers["Location"]
    assert there.startswith(f"{AFTER}?state=")
    low.seen.clear()
    last = camille.portal.get(there)
    assert asked(link(last))["post_logout_redirect_uri"] == HOME
    camille.franceconnect.browser.get(link(last), allow_redirects=False)
    assert 'value="continuer"' not in camille.franceconnect.opens(camille.leaves_for_franceconnect()).text
    assert camille.portal.get(there).location == "/", "the way on serves once"


@ONE_ENGINE
def test_log_out_works_while_franceconnect_plus_is_down(camille, high):
    camille.proves()
    high.fault = "discovery_500"
    page = camille.logs_out()
    assert "plus" not in link(page) and asked(link(page))["post_logout_redirect_uri"] == HOME
    assert "fermez toutes les fenêtres" in camille.portal.get("/").text


@ONE_ENGINE
@pytest.mark.parametrize("state", ["", "x", "é" * 600])
def test_a_state_nobody_gave_leads_to_the_start_page(client, state):
    assert client.get("/deconnexion/suite", query_string={"state": state}).location == "/"
    assert not SingleUse.select().exists()


# The key

@ONE_ENGINE
def test_the_public_half_is_published_and_no_more(client):
    answer = client.get("/franceconnect/cles")
    [key] = answer.get_json()["keys"]
    assert (key["kty"], key["use"], "d" in key) == ("EC", "enc", False)
    assert key["kid"] == import_key(key).thumbprint() and "max-age" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("key, way", [(ECKey.generate_key("P-256"), "ECDH-ES"), (RSAKey.generate_key(2048), "RSA-OAEP"),
                                      (RSAKey.generate_key(2048), "RSA-OAEP-256")], ids=["ec", "rsa", "rsa-256"])
@pytest.mark.parametrize("written", ["pem", "jwk", "set", "file"])
def test_a_key_is_read_however_it_is_written(tmp_path, key, way, written):
    text = {"jwk": lambda: json.dumps(key.as_dict(private=True)),
            "set": lambda: json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=True),
                                                key.as_dict(private=True)]})}.get(
        written, lambda: key.as_pem(private=True).decode())()
    if written == "file":
        (tmp_path / "key.pem").write_text(text)
        text = str(tmp_path / "key.pem")
    keys = Keys(text)
    public = import_key(keys.published()["keys"][-1])
    assert keys.open(sealed(public, way)) == "dedans"


def sealed(key, way="ECDH-ES", content="A256GCM", **header):
    return jwe.encrypt_compact({"alg": way, "enc": content, "kid": key.thumbprint(), **header}, "dedans", key,
                               algorithms=[way, content, "DEF"])


@pytest.mark.parametrize("text", ["", "/nowhere", "-----BEGIN x", "{", '{"keys": []}', "[]",
                                  ECKey.generate_key("P-256").as_pem(private=False).decode(),
                                  json.dumps({"kty": "oct", "k": "A" * 43})])
def test_what_is_no_private_key_is_refused(text):
    with pytest.raises(UnusableKey):
        Keys(text)


def test_only_what_was_agreed_is_opened():
    key = ECKey.generate_key("P-256")
    keys = Keys(key.as_pem(private=True).decode())
    for envelope in (sealed(key, "ECDH-ES+A128KW"), sealed(key, content="A128CBC-HS256"), sealed(key, zip="DEF"),
                     sealed(key, kid="another"), sealed(ECKey.generate_key("P-256")), "a.b.c.d.e", "." * 4,
                     sealed(key) + "A" * 70_000):
        with pytest.raises(Unopened):
            keys.open(envelope)
    with pytest.raises(NotEncrypted):
        keys.open(jwt.encode({"alg": "ES256"}, {"sub": "x"}, key, algorithms=["ES256"]))


@ONE_ENGINE
def test_a_change_of_key_leaves_time_for_both(camille, high, unprotected):
    """The new key stands beside the old one until FranceConnect+ has read it."""
    new = ECKey.generate_key("P-256")
    both = json.dumps({"keys": [new.as_dict(private=True), import_key(plus.KEY, "EC").as_dict(private=True)]})
    unprotected.extensions["franceconnect_plus"].keys = Keys(both)
    assert reads_again(camille.proves())
    high.client_keys = camille.portal.get("/franceconnect/cles").get_json()
    assert reads_again(camille.proves())


# The settings

PLUS = {f"MAPROCURATION_{name.upper()}": value for name, value in
        plus.settings_of("https://plus.example/api/v2").items()}


def test_four_settings_open_the_way():
    assert load({**SAFE, **PLUS}).franceconnect_plus_key == plus.KEY


@pytest.mark.parametrize("name, value", [
    *((name, "") for name in PLUS), ("MAPROCURATION_FRANCECONNECT_PLUS_KEY", "/nowhere"),
    ("MAPROCURATION_FRANCECONNECT_PLUS_CLIENT_SECRET", "court"),
    ("MAPROCURATION_FRANCECONNECT_PLUS_ISSUER", "http://localhost:5001/plus/api/v2"),
    ("MAPROCURATION_FRANCECONNECT_PLUS_ISSUER", "fc")])
def test_half_a_second_franceconnect_or_an_unsafe_one_stops_the_start(name, value):
    with pytest.raises(UnusableSetting, match=name) as stopped:
        load({**SAFE, **PLUS, name: value})
    assert plus.KEY not in str(stopped.value)
