"""A manager invites, renames, suspends the agents of the own town hall, and of no other; the ministry all of them."""
import datetime
import re
from html import unescape

import pytest

from models import Agent, Event, Mail, Role, SingleUse, WebSession, now
from portal import accounts, outbox, second_factor
from portal.errors import LinkDead
from portal.procedure import CLOCK
from tests.factories import PASSWORD, a_commune, an_agent, an_officer, log_in
from tests.test_back_office import Desk, confirm
from tests.test_second_factor import protected

GRID = "/admin/comptes/"
ALL = "/admin/agents/"
NEW = {"email": "Sam.Roy@Exemple.fr ", "first_name": "Sam", "last_name": "Roy", "quality": "agent d’accueil",
       "role": "commune"}


@pytest.fixture
def manager(app):
    return Desk(app, an_agent(Role.MANAGER, first_name="Alix", last_name="Maire"))


@pytest.fixture
def ministry(app):
    return Desk(app, an_agent(Role.MINISTRY, first_name="Sacha", last_name="Ministère"))


def link_in(text):
    return re.search(r"http://localhost/invitation/([\w-]+)", unescape(text))[1]


def sent_to(address):
    return outbox.render("invitation", Mail.get(Mail.recipient == address).context)


def test_a_manager_invites_a_colleague(manager):
    manager.opens(GRID).follows("Inviter un agent")
    manager.presses("Envoyer l’invitation", **NEW)
    agent = Agent.get(Agent.email == "sam.roy@exemple.fr")
    assert (agent.role, agent.commune_id, agent.password_hash) == (Role.COMMUNE, "69123", None)
    token = link_in(sent_to(agent.email).text)
    assert accounts.invited(token) == agent and link_in(sent_to(agent.email).html) == token
    assert token not in manager.text
    assert "Alix Maire" in sent_to(agent.email).text and "Lyon" in sent_to(agent.email).text
    assert token not in manager.opens(f"{GRID}details/?id={agent.id}").text
    assert "Invité" in manager.opens(GRID).said


def test_who_has_a_delegation_hands_on_no_more_of_it(app):
    """Or a second account would outlive it."""
    days = {"delegated_from": datetime.date(2026, 1, 1), "delegated_until": datetime.date(2099, 3, 31)}
    desk = Desk(app, an_agent(Role.MANAGER, **days))
    desk.opens(f"{GRID}new/").presses("Envoyer l’invitation", **{**NEW, "role": "manager"})
    promoted, mayor = an_agent(Role.COMMUNE), an_agent(Role.MANAGER)
    for agent in (promoted, mayor):
        desk.opens(f"{GRID}edit/?id={agent.id}").presses("Enregistrer", role="manager", quality="autre")
    given = {agent.id: (agent.quality, agent.delegated_from, agent.delegated_until) for agent in Agent.select()}
    assert given[Agent.get(Agent.email == "sam.roy@exemple.fr").id][1:] == tuple(days.values())
    assert given[promoted.id] == ("autre", *days.values()) and given[mayor.id] == ("autre", None, None)


def test_the_database_alone_does_not_give_the_link_away(manager):
    manager.opens(f"{GRID}new/").presses("Envoyer l’invitation", **NEW)
    token = link_in(sent_to("sam.roy@exemple.fr").text)
    kept = " ".join(str(row.__data__) for table in (Mail, SingleUse, Event) for row in table.select())
    assert token not in kept


def test_a_link_is_sent_again(manager):
    agent = an_agent(Role.COMMUNE, password_hash=None)
    manager.opens(f"{GRID}details/?id={agent.id}").presses("Envoyer un nouveau lien")
    assert accounts.invited(link_in(sent_to(agent.email).text)) == agent and "/invitation/" not in manager.text
    assert Event.select().where(Event.act == "inviter", Event.actor == manager.agent.id).count() == 1


def test_the_mail_of_a_known_account_speaks_of_a_new_password(manager):
    agent = an_agent(Role.COMMUNE)
    manager.opens(f"{GRID}details/?id={agent.id}").presses("Envoyer un nouveau lien")
    assert "nouveau mot de passe" in sent_to(agent.email).text
    assert "vous ouvre un compte" not in sent_to(agent.email).text


@pytest.mark.parametrize("fields, sentence", [
    ({"email": "pas une adresse"}, "prenom.nom@exemple.fr"), ({"role": "ministry"}, "Choisissez"),
    ({"role": "officer"}, "Choisissez"), ({"email": "la@exemple.fr"}, "un compte existe déjà"),
    ({"first_name": ""}, "Prénom : Remplissez ce champ"), ({"last_name": "a\u202e"}, "invisibles")])
def test_a_bad_invitation_is_refused_and_nothing_is_sent(manager, fields, sentence):
    an_agent(Role.COMMUNE, a_commune("75056"), email="la@exemple.fr")
    before = Agent.select().count()
    manager.opens(f"{GRID}new/").presses("Envoyer l’invitation", **{**NEW, **fields})
    assert manager.page.status_code in (422, 409) and sentence in manager.said
    assert (Agent.select().count(), Mail.select().count(), SingleUse.select().count()) == (before, 0, 0)


def test_a_manager_makes_no_account_of_another_town(manager):
    a_commune("75056")
    manager.opens(f"{GRID}new/").presses("Envoyer l’invitation", **NEW, commune="75056", commune_id="75056")
    assert Agent.get(Agent.email == "sam.roy@exemple.fr").commune_id == "69123"


def test_a_manager_sees_the_own_town_hall_only(manager):
    own, other, officer = an_agent(Role.COMMUNE), an_agent(Role.COMMUNE, a_commune("75056")), an_officer()
    assert set(manager.opens(GRID).rows) == {own.id, manager.agent.id}
    for foreign in (other, officer):
        for path in ("details/", "edit/", "double-authentification/"):
            assert manager.opens(f"{GRID}{path}?id={foreign.id}").page.status_code == 404
    assert manager.opens("/admin/agents/").page.status_code == 404


@pytest.mark.parametrize("role", [Role.COMMUNE, Role.OFFICER, Role.MINISTRY])
def test_only_managers_open_the_accounts_of_a_commune(app, role):
    assert Desk(app, an_agent(role)).opens(GRID).page.status_code == 404


def test_suspending_asks_then_ends_the_sessions(app, manager):
    victim = Desk(app, an_agent(Role.COMMUNE))
    manager.opens(f"{GRID}details/?id={victim.agent.id}").presses("Suspendre")
    confirm(manager)
    assert Agent.get_by_id(victim.agent.id).suspended_at
    assert not WebSession.select().where(WebSession.agent == victim.agent).exists()
    manager.opens(f"{GRID}details/?id={victim.agent.id}").presses("Réactiver")
    confirm(manager)
    assert not Agent.get_by_id(victim.agent.id).suspended_at


def test_what_was_mailed_before_a_suspension_opens_nothing_after_it(db):
    agent = an_agent(Role.COMMUNE)
    tokens = accounts.invite(agent), accounts.mail_link(agent, "mot_de_passe_oublie", accounts.RESET)
    accounts.suspend(CLOCK, agent)
    accounts.reactivate(CLOCK, agent)
    for token in tokens:
        with pytest.raises(LinkDead):
            accounts.invited(token)


def test_a_manager_does_not_suspend_themselves(manager):
    assert "Suspendre" not in manager.opens(f"{GRID}details/?id={manager.agent.id}").text
    manager.opens(GRID).presses("Suspendre la sélection…", rowid=[manager.agent.id])
    confirm(manager)
    assert "Personne ne suspend son propre compte" in manager.said
    assert not Agent.get_by_id(manager.agent.id).suspended_at


def test_a_manager_does_not_take_their_own_role_away(manager):
    manager.opens(f"{GRID}edit/?id={manager.agent.id}").presses("Enregistrer", role="commune")
    assert manager.page.status_code == 422 and Agent.get_by_id(manager.agent.id).role == Role.MANAGER


def test_a_name_corrected_keeps_the_link_and_an_address_corrected_does_not(manager):
    agent, token = accounts.create(CLOCK, email="faux@exemple.fr", role=Role.COMMUNE, commune=a_commune(),
                                   first_name="Sam", last_name="Roi")
    manager.opens(f"{GRID}edit/?id={agent.id}").presses("Enregistrer", last_name="Roy")
    assert accounts.invited(token).last_name == "Roy"
    manager.opens(f"{GRID}edit/?id={agent.id}").presses("Enregistrer", email="juste@exemple.fr")
    assert manager.page.status_code == 200
    assert SingleUse.select().where(SingleUse.kind == "invitation").count() == 0


def test_a_lost_second_factor_is_taken_off_after_a_question(app, manager):
    agent, codes = protected(an_agent(Role.COMMUNE))
    victim = Desk(app, agent)
    manager.opens(f"{GRID}details/?id={agent.id}").follows("Retirer la double authentification")
    assert Agent.get_by_id(agent.id).totp_secret
    manager.presses("Retirer la double authentification")
    assert Agent.get_by_id(agent.id).totp_secret is None
    assert not SingleUse.select().where(SingleUse.kind == "recovery").exists()
    assert not WebSession.select().where(WebSession.agent == victim.agent).exists()
    assert Event.select().where(Event.act == "oter_second_facteur", Event.actor == manager.agent.id).count() == 1


def test_who_takes_a_second_factor_off_gets_no_way_in(app, manager):
    """A link they mailed before, a password they know: neither opens the account, whose owner is told at once."""
    agent, _ = protected(an_agent(Role.COMMUNE))
    known = accounts.invite(agent)
    manager.opens(f"{GRID}double-authentification/?id={agent.id}").presses("Retirer la double authentification")
    with pytest.raises(accounts.WrongPassword):
        accounts.authenticate(agent.email, PASSWORD)
    with pytest.raises(accounts.LinkDead):
        accounts.invited(known)
    told = outbox.render("second_facteur_ote", Mail.get(Mail.recipient == agent.email).context).text
    assert "Alix Maire" in told and accounts.invited(link_in(told)) == agent and "/invitation/" not in manager.text


@pytest.mark.parametrize("used", [{"seen_at": now()}, {"sub": "x"}, {"password_hash": "x"}])
def test_a_manager_writes_no_address_into_an_account_in_use(manager, used):
    """Links go there: it would be the manager's own."""
    agent = an_agent(Role.COMMUNE, **{"password_hash": None, **used})
    manager.opens(f"{GRID}edit/?id={agent.id}").presses("Enregistrer", email="alix@exemple.fr")
    assert "Seul le ministère la change" in manager.said and Agent.get_by_id(agent.id).email == agent.email


def test_a_manager_opens_no_account_that_the_ministry_closed(manager, ministry):
    agent = an_agent(Role.COMMUNE)
    accounts.suspend(ministry.agent, agent)
    with pytest.raises(accounts.SuspendedAbove):
        accounts.reactivate(manager.agent, Agent.get_by_id(agent.id))
    accounts.reactivate(ministry.agent, Agent.get_by_id(agent.id))
    accounts.suspend(manager.agent, agent)
    accounts.reactivate(manager.agent, Agent.get_by_id(agent.id))
    assert Agent.get_by_id(agent.id).suspended_at is None


def test_another_address_is_told_to_both_and_keeps_nothing_of_the_first(ministry):
    agent = an_agent(Role.COMMUNE, issuer="https://proconnect.example", sub="x")
    known = accounts.invite(agent)
    ministry.opens(f"{ALL}edit/?id={agent.id}").presses("Enregistrer", email="autre@exemple.fr")
    mails = list(Mail.select().where(Mail.name == "adresse_de_compte"))
    assert {mail.recipient for mail in mails} == {agent.email, "autre@exemple.fr"}
    told = outbox.render("adresse_de_compte", mails[0].context).text
    assert all(said in told for said in ("Sacha Ministère", agent.email, "autre@exemple.fr"))
    with pytest.raises(accounts.LinkDead):
        accounts.invited(known)
    assert Agent.get_by_id(agent.id).sub is None


def test_nobody_takes_their_own_second_factor_off_there(app, manager):
    address = f"{GRID}double-authentification/?id={manager.agent.id}"
    assert manager.opens(address).page.status_code == 409
    assert "Retirer la double" not in manager.opens(f"{GRID}details/?id={manager.agent.id}").text


def test_nobody_gives_themselves_a_link(manager):
    """Who sits at somebody else's open session would choose a password without knowing the one in use."""
    assert "Envoyer un nouveau lien" not in manager.opens(f"{GRID}details/?id={manager.agent.id}").text
    manager.opens(f"{GRID}details/?id={an_agent(Role.COMMUNE).id}").presses("Envoyer un nouveau lien",
                                                                            id=manager.agent.id)
    assert manager.page.status_code == 409 and "/invitation/" not in manager.text
    assert not SingleUse.select().where(SingleUse.kind == "invitation").exists() and not Mail.select().exists()


def test_what_was_never_read_is_not_written(manager):
    """The grid reads neither the password nor the secret: saving a form must not blank them."""
    agent, _ = protected(an_agent(Role.COMMUNE))
    manager.opens(f"{GRID}edit/?id={agent.id}").presses("Enregistrer", quality="adjoint au chef de bureau")
    kept = Agent.get_by_id(agent.id)
    assert (kept.password_hash, kept.totp_secret) == (agent.password_hash, agent.totp_secret)
    assert kept.quality == "adjoint au chef de bureau"


def test_a_suspended_agent_s_page_offers_no_link(manager):
    agent = an_agent(Role.COMMUNE, suspended_at=now())
    assert "Envoyer un nouveau lien" not in manager.opens(f"{GRID}details/?id={agent.id}").text


def test_the_invitation_speaks_to_who_is_invited(app, manager):
    manager.opens(f"{GRID}new/").presses("Envoyer l’invitation", **NEW)
    stranger, link = app.test_client(), link_in(sent_to("sam.roy@exemple.fr").text)
    assert "Sam Roy" in stranger.get(f"/invitation/{link}").text
    log_in(stranger, agent=manager.agent)
    assert stranger.get(f"/invitation/{link}").status_code == 200


@pytest.mark.parametrize("words, found", [("sam", 1), ("roy s", 1), ("SAM.ROY@", 1), ("oy", 0), ("%", 0), ("_am", 0),
                                          ("s " * 100, 1)])
def test_accounts_are_found_by_the_beginning_of_a_name_or_address(manager, words, found):
    an_agent(Role.COMMUNE, first_name="Sam", last_name="Roy", email="sam.roy@exemple.fr")
    manager.opens(GRID).presses("Rechercher", words=words)
    assert manager.text.count("sam.roy@exemple.fr") == found


ENDINGS = {
    "suspension": lambda desk, agent: accounts.suspend(CLOCK, agent),
    "role": lambda desk, agent: desk.opens(f"{GRID}edit/?id={agent.id}").presses("Enregistrer", role="manager"),
    "address": lambda desk, agent: Desk(desk.client.application, an_agent(Role.MINISTRY)).opens(
        f"{ALL}edit/?id={agent.id}").presses("Enregistrer", email="a@b.fr"),
    "password": lambda desk, agent: accounts.choose_password(accounts.invite(agent), "encore une phrase assez longue"),
    "own password": lambda desk, agent: accounts.change_password(
        agent, "encore une phrase assez longue", WebSession(login="ailleurs")),
    "second factor": lambda desk, agent: second_factor.reset(CLOCK, agent),
    "log-out": lambda desk, agent: None,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_session_ends_at_the_next_request_after(app, manager, ending):
    victim = Desk(app, an_agent(Role.COMMUNE)).opens("/admin/profil/")
    kept = victim.client.get_cookie("maprocuration").value
    ENDINGS[ending](manager, victim.agent)
    if ending == "log-out":
        victim.presses("Se déconnecter")
        victim.client.set_cookie("maprocuration", kept)
    assert victim.opens("/admin/profil/").page.request.path == "/connexion"
