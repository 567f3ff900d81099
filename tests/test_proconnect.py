"""ProConnect's agents come in and leave, against the running stand-in and each of its faults; their rights are ours."""
import datetime
import json
import logging
from dataclasses import replace
from urllib.parse import urlencode

import pytest
import requests
import time_machine

from demo import tokens
from demo.agents import AGENTS, LYON, MARSEILLE
from demo.franceconnect import running_provider
from demo.identities import IDENTITIES
from demo.visitor import Visitor
from models import Agent, Event, Mail, Role, SingleUse, Voter, WebSession, now
from portal import attempts, proconnect, siret, step_up
from portal.settings import Settings, UnusableSetting, load, use
from tests import pro
from tests.engines import LOOPBACK, ONE_ENGINE
from tests.factories import an_agent, an_officer, log_in
from tests.test_agent_files import line, take_in
from tests.test_back_office import Desk
from tests.test_franceconnect import HOME, SECRET, OUTAGES, Person, asked, clicks_twice, link, says
from tests.test_franceconnect import RETURN as VOTERS_RETURN
from tests.voter import Page

RETURN, AFTER = "http://localhost/proconnect/retour", "http://localhost/connexion"
TAMPERED = sorted({*tokens.WRONG_CLAIMS, *tokens.WRONG_USERINFO, *tokens.ID_TOKEN_SIGNATURES, "without_mfa",
                   "declared_with_mfa", *tokens.USERINFO_SIGNATURES, "no_id_token", "wrong_callback_iss",
                   "no_callback_iss"})
TOO_WEAK = ("low_acr", "without_mfa", "declared_with_mfa")
UNKNOWN = "n’est pas connu ici"
LONG_AGO, FAR_AHEAD = datetime.date(2020, 1, 1), datetime.date(2099, 1, 1)


@pytest.fixture(scope="module")
def running():
    with running_provider("maprocuration-demo", SECRET, [VOTERS_RETURN], [HOME]) as (_, low), \
            running_provider(pro.CLIENT, pro.SECRET, [RETURN], [AFTER], **pro.KIND) as (_, there):
        yield low, there


@pytest.fixture
def providers(running):
    for provider, people in zip(running, (IDENTITIES, AGENTS)):
        provider.fault, provider.identities = None, {identity.login: identity for identity in people}
    yield running
    for provider in running:
        provider.fault = None


@pytest.fixture
def there(providers):
    return providers[1]


@pytest.fixture
def settings(database_url, providers, tmp_path):
    low, there = providers
    return use(Settings(database_url=database_url, secret_key="s" * 64, journal_key="j" * 64, base_url=HOME[:-1],
                        mail_url=f"mailbox:{tmp_path}", franceconnect_issuer=low.issuer,
                        franceconnect_client_secret=SECRET, shared_networks=LOOPBACK, **pro.settings_of(there.issuer)))


@pytest.fixture
def unprotected(app):
    app.config["WTF_CSRF_ENABLED"] = False
    return app


@pytest.fixture
def dominique(unprotected):
    """An agent of Lyon, invited: ProConnect knows the same address and the same SIRET."""
    an_invited("mairie")
    return Colleague(unprotected)


class Colleague(Person):
    door, inside = "/proconnect/connexion", "/admin/"

    def leaves(self, **fields):
        return self.leaves_for_franceconnect(**fields)

    def chooses(self, login="mairie", **fields):
        """Whoever ProConnect knows in this browser is asked nothing."""
        address = self.leaves(**fields)
        return self.franceconnect.passes(address) or self.franceconnect.chooses(address, login)

    def logs_in(self, login="mairie", **fields):
        return self.comes_back(self.chooses(login, **fields))


def an_invited(login, role=Role.COMMUNE, **columns):
    """The account that waits for one of the stand-in's people."""
    person = next(person for person in AGENTS if person.login == login)
    return an_agent(role, **{"email": person.email, "siret": person.siret, "password_hash": None, **columns})


def account(login="mairie"):
    return Agent.get(Agent.email == next(person.email for person in AGENTS if person.login == login))


def acts():
    return [event.act for event in Event.select().order_by(Event.id)]


def is_refused(colleague, page, sentence=UNKNOWN, status=403):
    assert says(page, sentence, status) and "Rien n’a été enregistré" in page.text
    return not colleague.is_in and not WebSession.select().exists()


# Coming in

def test_an_invited_agent_comes_in_and_is_linked_once(dominique, there):
    answer = dominique.logs_in()
    assert (answer.status_code, answer.location) == (303, "/admin/") and dominique.is_in
    assert (account().issuer, account().sub) == (there.issuer, there.sub_of("mairie"))
    dominique.logs_out()
    dominique.logs_in()
    assert acts().count("lier_proconnect") == 1 and acts().count("connexion") == 2
    assert WebSession.get().agent == account()


def test_once_linked_the_subject_alone_opens_the_account(dominique, there):
    dominique.logs_in()
    there.alter("mairie", email="nouvelle.adresse@mairie.example", siret=MARSEILLE)
    dominique.logs_out()
    assert dominique.logs_in().status_code == 303 and dominique.is_in


def test_another_subject_waits_until_the_account_is_unlinked(dominique, there):
    dominique.logs_in()
    dominique.logs_out()
    there.alter("mairie", idp="un-autre-annuaire")
    assert is_refused(dominique, dominique.logs_in(autre="oui"))
    manager = an_agent(Role.MANAGER)
    proconnect.unlink(manager, account())
    assert dominique.logs_in(autre="oui").status_code == 303
    assert account().sub == there.sub_of("mairie") and acts().count("lier_proconnect") == 2


def test_unlinking_ends_sessions_and_tells_the_owner(dominique):
    dominique.logs_in()
    manager = an_agent(Role.MANAGER)
    proconnect.unlink(manager, account())
    assert not dominique.is_in and account().sub is None and "delier_proconnect" in acts()
    assert [(mail.name, mail.recipient) for mail in Mail.select()] == [("proconnect_delie", account().email)]
    proconnect.unlink(manager, account())
    assert Mail.select().count() == 1, "there is nothing left to unlink"


@ONE_ENGINE
@pytest.mark.parametrize("columns", [
    {"siret": None}, {"siret": MARSEILLE}, {"email": "quelqu.un@mairie.example"}, {"suspended_at": now()},
    {"issuer": "https://elsewhere.example", "sub": "x"},
    {"role": Role.MANAGER, "delegated_until": LONG_AGO},
    {"role": Role.MANAGER, "delegated_from": FAR_AHEAD},
    {"role": Role.OFFICER, "habilitated_until": LONG_AGO}])
def test_who_has_no_open_account_is_told_nothing_of_it(unprotected, columns):
    agent = an_invited("mairie", **columns)
    colleague = Colleague(unprotected)
    assert is_refused(colleague, colleague.logs_in())
    assert Agent.get_by_id(agent.id).sub == columns.get("sub") and "lier_proconnect" not in acts()


@ONE_ENGINE
@pytest.mark.parametrize("columns", [
    {"suspended_at": now()}, {"role": Role.MANAGER, "delegated_until": LONG_AGO}])
def test_a_link_opens_no_account_that_is_closed(dominique, columns):
    dominique.logs_in()
    dominique.logs_out()
    Agent.update(**columns).where(Agent.id == account().id).execute()
    assert is_refused(dominique, dominique.logs_in())


@ONE_ENGINE
@pytest.mark.parametrize("login", ["inconnue", "autre.siret", "entreprise"])
def test_who_was_not_invited_is_told_the_same(dominique, login):
    assert is_refused(dominique, dominique.logs_in(login))
    assert account().sub is None


@ONE_ENGINE
def test_roles_of_proconnect_give_no_right(dominique, there):
    there.alter("mairie", roles=("agent_public_etat", "administrateur", "ministry"))
    dominique.logs_in()
    assert dominique.portal.get("/admin/agents/").status_code == 404
    assert account().role == Role.COMMUNE


@ONE_ENGINE
@pytest.mark.parametrize("claims", [
    {"email": None}, {"siret": None}, {"email": ["a@b.fr"]}, {"siret": 7}, {"email": "a\x00@b.fr"},
    {"siret": "0" * 14}])
def test_claims_that_are_none_link_nothing(dominique, there, claims):
    there.alter("mairie", **claims)
    assert is_refused(dominique, dominique.logs_in())


@ONE_ENGINE
def test_the_address_is_compared_without_case_and_the_siret_without_blanks(dominique, there):
    there.alter("mairie", email=account().email.upper(), siret=f" {LYON[:3]} {LYON[3:]}")
    assert dominique.logs_in().status_code == 303


@ONE_ENGINE
def test_what_is_asked_is_what_proconnect_allows(dominique):
    sent = asked(dominique.leaves())
    assert set(sent) == {"client_id", "response_type", "redirect_uri", "scope", "state", "nonce", "claims",
                         "code_challenge", "code_challenge_method"}
    assert len(sent["state"]) >= 32 and len(sent["nonce"]) >= 32 and sent["code_challenge_method"] == "S256"
    assert json.loads(sent["claims"]) == {"id_token": {
        "acr": {"essential": True, "values": ["eidas1-mfa", "eidas2", "eidas3"]}, "auth_time": {"essential": True}}}
    assert (sent["scope"], sent["redirect_uri"]) == ("openid email siret", RETURN)


@ONE_ENGINE
def test_without_settings_there_is_no_such_way(app, unprotected):
    app.extensions["proconnect"] = app.extensions["proconnect_anew"] = None
    use(replace(app.jinja_env.globals["settings"], proconnect_issuer=""))
    app.jinja_env.globals["settings"] = replace(app.jinja_env.globals["settings"], proconnect_issuer="")
    visitor = app.test_client()
    assert "ProConnect" not in visitor.get("/connexion").text
    assert visitor.post("/proconnect/connexion").status_code == 404
    assert visitor.get("/proconnect/retour?code=x&state=y").status_code == 400


@pytest.mark.parametrize("name", list(pro.settings_of("")))
def test_the_settings_go_together(name):
    given = {f"MAPROCURATION_{key.upper()}": value for key, value in pro.settings_of("https://pro.example").items()}
    assert load(given).proconnect_client_id == pro.CLIENT
    with pytest.raises(UnusableSetting, match=f"MAPROCURATION_{name.upper()}: missing"):
        load({**given, f"MAPROCURATION_{name.upper()}": ""})


@ONE_ENGINE
def test_the_button_bears_the_required_words(app):
    page = app.test_client().get("/connexion").text
    assert 'class="fr-connect fr-connect--pro"' in page and "Qu’est-ce que ProConnect" in page
    assert page.index("fr-connect--pro") < page.index('class="fr-hr-or"') < page.index('name="password"')


@ONE_ENGINE
def test_a_log_in_begins_by_a_protected_post(app):
    visitor = app.test_client()
    assert visitor.get("/proconnect/connexion").status_code == 405
    assert visitor.post("/proconnect/connexion").status_code == 400
    assert not SingleUse.select().exists()


# Tampered answers

@ONE_ENGINE
@pytest.mark.parametrize("fault", TAMPERED)
def test_a_tampered_answer_opens_nothing(dominique, there, fault):
    there.fault = fault
    page = dominique.logs_in()
    assert is_refused(dominique, page, *(("pas assez sûre", 403) if fault in TOO_WEAK else ("à recommencer", 400)))
    assert account().sub is None
    there.fault = None
    assert dominique.logs_in().status_code == 303


@ONE_ENGINE
def test_a_provider_that_ignores_the_level_asked_for_is_refused(dominique):
    assert is_refused(dominique, dominique.logs_in("niveau.faible"), "pas assez sûre")


@ONE_ENGINE
def test_proconnect_itself_refuses_who_has_no_second_factor(dominique):
    address = dominique.chooses("sans.second.facteur")
    assert asked(address)["error"] == "access_denied"
    assert is_refused(dominique, dominique.comes_back(address), "second facteur", 200)


@ONE_ENGINE
@pytest.mark.parametrize("verifier", [None, "w" * 64, ""])
def test_the_code_is_worth_nothing_without_the_verifier_of_its_attempt(dominique, there, verifier):
    sent = {"grant_type": "authorization_code", "code": asked(dominique.chooses())["code"], "redirect_uri": RETURN,
            "client_id": pro.CLIENT, "client_secret": pro.SECRET, "code_verifier": verifier}
    answer = requests.post(f"{there.issuer}/token", {name: value for name, value in sent.items() if value is not None})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@ONE_ENGINE
def test_a_code_put_into_another_attempt_s_answer_fails(dominique, unprotected):
    """Code injection: the code was drawn under another challenge."""
    mine, other = asked(dominique.chooses()), asked(Colleague(unprotected).chooses())
    query = urlencode({"code": other["code"], "state": mine["state"], "iss": mine["iss"]})
    assert is_refused(dominique, dominique.comes_back(f"/proconnect/retour?{query}"), "à recommencer", 400)


@ONE_ENGINE
def test_an_answer_replayed_after_log_out_opens_nothing(dominique):
    address = dominique.chooses()
    dominique.comes_back(address)
    dominique.logs_out()
    assert is_refused(dominique, dominique.comes_back(address), "à recommencer", 400)


@ONE_ENGINE
def test_an_answer_in_another_browser_opens_nothing(dominique, unprotected):
    address = dominique.chooses()
    other = Colleague(unprotected)
    other.leaves()
    assert is_refused(other, other.comes_back(address), "à recommencer", 400)
    assert dominique.comes_back(address).status_code == 303


@ONE_ENGINE
def test_a_reload_asks_proconnect_nothing(dominique, there):
    address = dominique.chooses()
    dominique.comes_back(address)
    there.seen.clear()
    assert dominique.comes_back(address).location == "/admin/" and dominique.is_in
    assert not there.seen


def test_a_double_click_shares_one_log_in(dominique, there, monkeypatch):
    twin = clicks_twice(dominique, there, monkeypatch)
    dominique.logs_out()
    assert not twin.is_in


@ONE_ENGINE
@pytest.mark.parametrize("query", ["", "code=x", "code=x&state=y", "error=access_denied&state=undefined",
                                   "error=<script>alert(1)</script>&state=x"])
def test_an_unreadable_answer_is_begun_again(dominique, query):
    page = dominique.comes_back(f"/proconnect/retour?{query}")
    assert is_refused(dominique, page, "à recommencer", 400) and "<script>alert" not in page.text


# Mixed up with FranceConnect

@ONE_ENGINE
def test_a_franceconnect_answer_is_worth_nothing_at_proconnect_s_door(dominique, unprotected):
    camille = Person(unprotected)
    address = camille.chooses()
    page = camille.comes_back(address.replace(VOTERS_RETURN, RETURN))
    assert says(page, "à recommencer", 400) and not WebSession.select().exists()
    camille.comes_back(address)
    assert says(camille.comes_back(address.replace(VOTERS_RETURN, RETURN)), "à recommencer", 400), "nor once used"
    assert camille.portal.get("/admin/").status_code == 404


@ONE_ENGINE
def test_a_proconnect_answer_is_worth_nothing_at_franceconnect_s_door(dominique):
    address = dominique.chooses()
    page = dominique.comes_back(address.replace(RETURN, VOTERS_RETURN))
    assert says(page, "à recommencer", 400) and not Voter.select().exists() and not WebSession.select().exists()
    dominique.comes_back(address)
    assert says(dominique.comes_back(address.replace(RETURN, VOTERS_RETURN)), "à recommencer", 400), "nor once used"
    assert dominique.portal.get("/mes-procurations").status_code == 404


@ONE_ENGINE
def test_an_attempt_is_found_by_its_own_kind_and_differs_in_all_it_derives(db):
    begun = {kind: attempts.begin("browser", kind) for kind in ("oidc", "proconnect")}
    for kind, other in (("oidc", "proconnect"), ("proconnect", "oidc")):
        assert attempts.find(begun[kind].state, "browser", kind) == begun[kind]
        with pytest.raises(attempts.LogInLost):
            attempts.find(begun[kind].state, "browser", other)
        twin = begun[kind]._replace(kind=other)
        assert not {twin.nonce, twin.verifier, twin.login} & {begun[kind].nonce, begun[kind].verifier,
                                                              begun[kind].login}


@ONE_ENGINE
def test_an_agent_takes_the_place_of_a_voter(dominique, unprotected):
    dominique.door = "/franceconnect/connexion"
    visitor, dominique.franceconnect = dominique.franceconnect, Visitor()
    Person.logs_in(dominique, "durand")
    dominique.door, dominique.franceconnect = Colleague.door, visitor
    dominique.logs_in()
    assert dominique.is_in and WebSession.get().voter is None
    assert dominique.portal.get("/mes-procurations").status_code == 404


# Outages

@ONE_ENGINE
@pytest.mark.parametrize("fault", OUTAGES)
def test_an_outage_says_to_use_the_password(dominique, there, fault):
    there.fault = fault
    page = dominique.portal.post("/proconnect/connexion") if fault.startswith("discovery") else dominique.logs_in()
    assert says(page, "avec votre mot de passe", 503) and int(page.headers["Retry-After"]) > 0
    assert not dominique.is_in and dominique.portal.get("/connexion").status_code == 200
    there.fault = None
    assert dominique.logs_in().status_code == 303


@ONE_ENGINE
def test_logs_hold_no_claim_code_or_token(dominique, there, caplog):
    caplog.set_level(logging.INFO)
    address = dominique.chooses()
    dominique.comes_back(address)
    for fault in ("wrong_nonce", "token_500", "other_sub", "low_acr"):
        there.fault = fault
        dominique.logs_in()
    dominique.logs_in("entreprise", autre="oui")
    assert "id_token nonce" in caplog.text and "NotKnownHere" not in caplog.text.replace("refused: NotKnownHere", "")
    for secret in (asked(address)["code"], asked(address)["state"], "eyJ", account().email, account().sub, LYON,
                   "andrea", pro.SECRET):
        assert secret not in caplog.text


# Leaving

def test_log_out_ends_both_sessions(dominique):
    dominique.logs_in()
    page = dominique.logs_out()
    assert says(page, "ProConnect va aussi vous déconnecter", 200) and not WebSession.select().exists()
    assert asked(link(page))["post_logout_redirect_uri"] == AFTER
    back = dominique.franceconnect.browser.get(link(page), allow_redirects=False)
    assert back.headers["Location"].startswith(f"{AFTER}?state=")
    assert "Vous êtes déconnecté" in dominique.portal.get("/connexion").text
    assert "inconnue" in dominique.franceconnect.opens(dominique.leaves()).text, "who comes next is asked who they are"


@ONE_ENGINE
def test_log_out_works_while_proconnect_is_down(dominique, there):
    dominique.logs_in()
    there.fault = "discovery_500"
    answer = dominique.logs_out()
    assert (answer.status_code, answer.location) == (303, "/connexion") and not dominique.is_in
    assert "mais ProConnect ne répond pas" in dominique.portal.get("/connexion").text


@ONE_ENGINE
def test_an_agent_with_a_password_logs_out_here(unprotected):
    colleague = Colleague(unprotected)
    log_in(colleague.portal, agent=an_agent())
    assert colleague.logs_out().location == "/connexion"


@ONE_ENGINE
def test_single_sign_on_comes_back_by_itself_and_another_account_is_asked_for(dominique):
    dominique.logs_in()
    dominique.portal.delete_cookie("maprocuration")
    assert dominique.logs_in("ministere").location == "/admin/" and WebSession.get().agent == account()
    assert asked(dominique.leaves(autre="oui"))["prompt"] == "login"
    assert dominique.logs_in("entreprise", autre="oui").status_code == 403


# A proof anew, before what matters most

NEW_ACCOUNT = "/admin/comptes/new/"
TYPED = {"email": "sam.roy@exemple.fr", "first_name": "Sam", "last_name": "Roy", "role": "commune"}


@pytest.fixture
def alix(unprotected):
    """A manager who came by ProConnect ten minutes ago."""
    an_invited("maire", Role.MANAGER)
    colleague = Colleague(unprotected)
    colleague.logs_in("maire")
    return ages(colleague)


def ages(colleague):
    WebSession.update(proved_at=now() - step_up.FRESH).execute()
    return colleague


def leaves_for_a_proof(colleague, **fields):
    return link(colleague.portal.post("/proconnect/preuve", data=fields))


def proves(colleague, login="maire", **fields):
    """The address ProConnect sends the browser back to."""
    return colleague.franceconnect.chooses(leaves_for_a_proof(colleague, **fields), login)


def is_asked_for_a_proof(colleague):
    return "Confirmer par ProConnect" in colleague.portal.get(NEW_ACCOUNT).text


def test_who_is_linked_may_prove_it_by_proconnect_anew(alix):
    assert is_asked_for_a_proof(alix)
    sent = asked(address := leaves_for_a_proof(alix, preuve_suite=f"{NEW_ACCOUNT}?x=1"))
    assert sent["prompt"] == "login" and '"auth_time": {"essential": true}' in sent["claims"]
    answer = alix.comes_back(back := alix.franceconnect.chooses(address, "maire"))
    assert (answer.status_code, answer.location) == (303, f"{NEW_ACCOUNT}?x=1")
    assert not is_asked_for_a_proof(alix) and 'name="email"' in alix.portal.get(NEW_ACCOUNT).text
    assert alix.comes_back(back).location == f"{NEW_ACCOUNT}?x=1", "a reload"


@ONE_ENGINE
def test_what_was_posted_waits_for_the_proof_and_goes_on(alix):
    assert "preuve_chemin" in alix.portal.post(NEW_ACCOUNT, data=TYPED).text
    page = alix.comes_back(proves(alix, **TYPED, preuve_chemin=NEW_ACCOUNT))
    assert says(page, "est gardé", 200) and f'action="{NEW_ACCOUNT}"' in page.text
    assert all(f'name="{name}" value="{value}"' in page.text for name, value in TYPED.items())
    assert "Sam" not in SingleUse.get(SingleUse.kind == "proconnect", SingleUse.subject.contains("carried")).subject
    assert alix.portal.post(NEW_ACCOUNT, data=TYPED).status_code == 200 and Agent.get(Agent.first_name == "Sam")


@ONE_ENGINE
@pytest.mark.parametrize("fault, sentence, status", [
    ("stale", "à recommencer", 400), ("no_auth_time", "à recommencer", 400), ("wrong_nonce", "à recommencer", 400),
    ("other_sub", "à recommencer", 400), ("low_acr", "pas assez sûre", 403), ("token_500", "mot de passe", 503)])
def test_a_tampered_proof_proves_nothing(alix, there, fault, sentence, status):
    there.fault = fault
    assert says(alix.comes_back(proves(alix, preuve_suite=NEW_ACCOUNT)), sentence, status)
    there.fault = None
    assert is_asked_for_a_proof(alix)


@ONE_ENGINE
def test_the_proof_of_somebody_else_or_of_another_session_proves_nothing(alix):
    an_invited("mairie")
    assert says(alix.comes_back(proves(alix, "mairie", preuve_suite=NEW_ACCOUNT)), "pas le même compte", 403)
    assert is_asked_for_a_proof(alix)
    begun = leaves_for_a_proof(alix, preuve_suite=NEW_ACCOUNT)
    alix.logs_in("maire", autre="oui")
    address = alix.franceconnect.chooses(begun, "maire")
    assert says(ages(alix).comes_back(address), "à recommencer", 400) and is_asked_for_a_proof(alix)


@ONE_ENGINE
def test_a_log_in_s_answer_is_no_proof_and_a_proof_s_answer_no_log_in(alix, unprotected):
    alix.comes_back(alix.chooses("maire", autre="oui"))
    ages(alix)
    assert is_asked_for_a_proof(alix), "the session is another one, and so is its age"
    address = proves(alix, preuve_suite=NEW_ACCOUNT)
    alix.logs_out()
    assert says(alix.comes_back(address), "à recommencer", 400) and not alix.is_in


def test_coming_in_unasked_proves_nothing_anew(alix):
    """ProConnect's own session lasts half a day: whoever sits at the keyboard comes in by it."""
    with time_machine.travel(now() + step_up.FRESH, tick=False):
        alix.portal.delete_cookie("maprocuration")
        assert alix.logs_in("maire").status_code == 303 and is_asked_for_a_proof(alix)
        assert alix.logs_in("maire", autre="oui").status_code == 303 and not is_asked_for_a_proof(alix)


@ONE_ENGINE
def test_a_log_in_that_does_not_say_since_when_is_no_proof(alix, there):
    there.fault = "no_auth_time"
    assert alix.logs_in("maire").status_code == 303 and is_asked_for_a_proof(alix)


@ONE_ENGINE
def test_giving_up_leads_back_to_the_page(alix):
    page = alix.comes_back(alix.franceconnect.cancels(leaves_for_a_proof(alix, preuve_suite=NEW_ACCOUNT)))
    assert says(page, f'href="{NEW_ACCOUNT}"', 200) and is_asked_for_a_proof(alix)


@ONE_ENGINE
@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil.example", ""])
def test_a_proof_leads_nowhere_else(alix, path):
    assert alix.comes_back(proves(alix, preuve_chemin=path)).location == "/admin/"


@ONE_ENGINE
def test_no_post_stands_for_the_proof(alix):
    page = alix.portal.post(NEW_ACCOUNT, data={**TYPED, "preuve": "proconnect"})
    assert page.status_code == 422 and not Agent.select().where(Agent.first_name == "Sam").exists()
    other = Colleague(alix.portal.application)
    log_in(other.portal, agent=an_agent(Role.MANAGER))
    assert not is_asked_for_a_proof(ages(other)), "who is not linked has no such way"


# The SIRET of an account

@pytest.mark.parametrize("typed, kept", [
    ("99900020200005", "99900020200005"), (" 999 000 202 00005 ", "99900020200005"),
    ("999.000.202-00005", "99900020200005"), ("999\u00a0000\u202f202 00005", "99900020200005"),
    ("35600000000048", "35600000000048"), ("35600000049837", "35600000049837"),     # La Poste: head office, an office
    ("35600000049838", None), ("99900020200006", None), ("9990002020000", None), ("", None), (None, None),
    ("٩٩٩٠٠٠٢٠٢٠٠٠٠٥", None), ("9990002020000O", None)])
def test_a_siret_has_fourteen_digits_and_its_check_digit(typed, kept):
    assert siret.read(typed) == kept


@ONE_ENGINE
def test_an_account_s_siret_is_checked_and_another_one_ends_the_link(alix, there):
    proconnect.recognise(there.issuer, there.sub_of("mairie"), {"email": an_invited("mairie").email, "siret": LYON})
    WebSession.update(proved_at=now()).execute()
    refused = corrects(alix, siret="12345678901234")
    assert says(refused, "pas un numéro SIRET", 422) and 'value="12345678901234"' in refused.text
    assert corrects(alix, quality="agente").status_code == 303 and account().sub
    assert corrects(alix, siret=" 999 000 303 00001").status_code == 303
    assert (account().siret, account().sub) == (MARSEILLE, None)
    assert corrects(alix, siret="").status_code == 303 and account().siret is None


def test_another_siret_by_a_file_ends_the_link_and_the_sessions_too(app):
    moved, stays = (an_officer(email=f"{name}@interieur.example", siret=LYON) for name in ("opj", "b"))
    for agent in (moved, stays):
        Agent.update(issuer="https://proconnect.example", sub=str(agent.id)).where(Agent.id == agent.id).execute()
        log_in(app.test_client(), agent=agent)
    take_in(line(siret=MARSEILLE), line(email=stays.email, unit="Autre", siret=LYON))
    assert [(row.siret, row.sub) for row in Agent.select().order_by(Agent.id)] == [
        (MARSEILLE, None), (LYON, str(stays.id))]
    assert [session.agent for session in WebSession.select()] == [stays]


def corrects(manager, **fields):
    """The form of the account, as it is shown, with something typed anew."""
    address = f"/admin/comptes/edit/?id={account().id}"
    page = Page(manager.portal.get(address).text)
    form = next(form for form in page.all("form") if "email" in Desk.values(page, form))
    return manager.portal.post(address, data={**Desk.values(page, form), **fields})


def test_a_manager_unlinks_a_colleague_and_never_themselves(alix, there):
    """Behind the wall of the town, where no subject is read."""
    proconnect.recognise(there.issuer, there.sub_of("mairie"), {"email": an_invited("mairie").email, "siret": LYON})
    page = f"/admin/comptes/proconnect/?id={account().id}"
    assert "Confirmez que c’est vous" in alix.portal.get(page).text
    WebSession.update(proved_at=now()).execute()
    details = f"/admin/comptes/details/?id={account().id}"
    assert f'href="{page}"' in alix.portal.get(details).text
    assert says(alix.portal.get(page), "Retirer le lien avec ProConnect", 200) and account().sub
    assert alix.portal.post(page).status_code == 303 and account().sub is None
    assert f'href="{page}"' not in alix.portal.get(details).text
    assert alix.portal.post(f"/admin/comptes/proconnect/?id={account('maire').id}").status_code == 409
    assert account("maire").sub
