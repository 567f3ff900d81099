"""The first manager of a commune, by the mairie's own address; communes nobody answers for; the mail of the morning."""
import datetime
import re

import pytest
import time_machine

from models import Agent, Commune, Event, Mail, MairieLink, Procuration, Role, WebSession, now
from portal import accounts, first_doors, jobs, outbox, scrutins, silences
from portal.errors import LinkDead
from portal.first_doors import ManagerThere
from tests.engines import ONE_ENGINE
from tests.factories import a_commune, a_procuration, a_scrutin, an_agent
from tests.statements import count_statements
from tests.test_back_office import Desk

NAMED = {"first_name": "Camille", "last_name": "Durand", "email": "C.Durand@Lyon.example", "quality": "adjoint",
         "delegated_from-day": "1", "delegated_from-month": "4", "delegated_from-year": "2026",
         "delegated_until-day": "31", "delegated_until-month": "3", "delegated_until-year": "2032"}
ASKED = {"first_name": "Camille", "last_name": "Durand", "email": "c@lyon.example", "quality": "maire",
         "delegated_from": None, "delegated_until": None}
HOUR = datetime.timedelta(hours=1)


def a_town(code="69123", email="mairie@lyon.example"):
    Commune.update(email=email).where(Commune.code == a_commune(code).code).execute()
    return Commune.get_by_id(code)


def links(name):
    """The tokens in the mails of that name, the latest first."""
    return [re.search(r"/mairie/(?:compte/)?([\w-]+)\n", outbox.render(mail.name, mail.context).text)[1]
            for mail in Mail.select().where(Mail.name == name).order_by(Mail.id.desc())]


def invited(town=None):
    first_doors.invite(an_agent(Role.MINISTRY), town or a_town())
    return links("mairie_invitee")[0]


# --- The mairie names its manager -----------------------------------------------------------------------------------

@pytest.fixture
def ministry(app):
    return Desk(app, an_agent(Role.MINISTRY))


@pytest.fixture
def visitor(app):
    desk = Desk(app, an_agent())
    desk.client = app.test_client()
    return desk


def test_from_the_ministry_to_the_first_password(ministry, visitor):
    a_commune()
    ministry.opens("/admin/communes/edit/?id=69123").presses("Enregistrer", email=" Mairie@Lyon.example ")
    assert "mairie@lyon.example" in ministry.said
    ministry.follows("Inviter la mairie").presses("Inviter la mairie")
    assert Mail.get().recipient == "mairie@lyon.example" and "Invitée le" in ministry.said
    visitor.opens(f"/mairie/{links('mairie_invitee')[0]}").presses("Envoyer le lien à cette personne", **NAMED)
    assert visitor.title == "Un lien est parti" and not Agent.select().where(Agent.role == Role.MANAGER).exists()
    own = Mail.get(Mail.name == "confirmer_compte")
    assert own.recipient == "c.durand@lyon.example"
    visitor.opens(f"/mairie/compte/{links('confirmer_compte')[0]}")
    assert not Agent.select().where(Agent.role == Role.MANAGER).exists(), "scanners open links too"
    visitor.presses("Ouvrir mon compte")
    agent = Agent.get(Agent.role == Role.MANAGER)
    assert "Choisir votre mot de passe" in visitor.title and agent.email == "c.durand@lyon.example"
    assert (agent.commune_id, agent.delegated_from, agent.delegated_until) == (
        "69123", datetime.date(2026, 4, 1), datetime.date(2032, 3, 31))
    told = Mail.get(Mail.name == "compte_ouvert")
    assert told.recipient == "mairie@lyon.example"
    assert "Camille Durand, adjoint" in " ".join(outbox.render(told.name, told.context).text.split())
    for spent in (f"/mairie/{links('mairie_invitee')[0]}", f"/mairie/compte/{links('confirmer_compte')[0]}"):
        assert visitor.opens(spent).page.status_code == 404
    assert MairieLink.get().asked is None


@ONE_ENGINE
@pytest.mark.parametrize("fields, sentence", [
    ({"email": "pas une adresse"}, "ne peut pas exister"), ({"first_name": ""}, "Écrivez le prénom"),
    ({"last_name": "<b>"}, "caractère"), ({"quality": "roi"}, "Choisissez la qualité"),
    ({"delegated_until-year": ""}, "incomplet"), ({"delegated_until-year": "2020"}, "est passé"),
    ({"delegated_until-year": "2099"}, "plus de sept ans"), ({"delegated_from-day": "31"}, "n’existe pas")])
def test_what_the_mairie_types_badly_is_said_and_nothing_leaves(visitor, fields, sentence):
    visitor.opens(f"/mairie/{invited()}").presses("Envoyer le lien à cette personne", **{**NAMED, **fields})
    assert visitor.page.status_code == 422 and sentence in visitor.said and not links("confirmer_compte")


@ONE_ENGINE
def test_the_mayor_needs_no_delegation(visitor):
    days = {name: "" for name in NAMED if name.startswith("delegated")}
    visitor.opens(f"/mairie/{invited()}").presses("Envoyer le lien à cette personne",
                                                  **{**NAMED, "quality": "maire", **days})
    assert links("confirmer_compte") and MairieLink.get().asked["delegated_until"] is None


def test_naming_somebody_else_kills_the_link_of_the_one_before(db):
    token = invited()
    first_doors.name(token, ASKED)
    first_doors.name(token, {**ASKED, "email": "autre@lyon.example"})
    second, first = links("confirmer_compte")
    with pytest.raises(LinkDead):
        first_doors.open_account(first)
    first_doors.open_account(second)
    with pytest.raises(LinkDead):
        first_doors.open_account(second)
    assert Agent.get(Agent.role == Role.MANAGER).email == "autre@lyon.example"


def test_an_address_with_an_account_gets_a_mail_and_no_second_account(visitor):
    agent = an_agent(Role.MANAGER, a_commune("75056"), email="c.durand@lyon.example")
    visitor.opens(f"/mairie/{invited()}").presses("Envoyer le lien à cette personne", **NAMED)
    assert visitor.title == "Un lien est parti", "the page does not tell who has an account"
    assert Mail.get(Mail.name == "compte_connu").recipient == agent.email and not links("confirmer_compte")


@ONE_ENGINE
@pytest.mark.parametrize("ends", ["seven days", "another invitation", "another address", "two days"])
def test_links_end(db, ends):
    town, ministry = a_town(), an_agent(Role.MINISTRY)
    token = invited(town)
    first_doors.name(token, ASKED)
    own = links("confirmer_compte")[0]
    later = {"seven days": first_doors.LIFE, "two days": first_doors.LIFE_OF_OWN}.get(ends, 0 * HOUR)
    if ends == "another invitation":
        first_doors.invite(ministry, town)
    if ends == "another address":
        first_doors.note_addresses({town.code: "autre@lyon.example"})
    with time_machine.travel(now() + later, tick=False):
        with pytest.raises(LinkDead):
            first_doors.open_account(own)
        if ends != "two days":
            with pytest.raises(LinkDead):
                first_doors.name(token, ASKED)


def test_a_manager_who_came_meanwhile_ends_the_links(db):
    """By the ministry's file or by its hand: the mairie's mailbox opens no second door beside."""
    town = a_town()
    an_agent(Role.MANAGER)
    first_doors.invite(an_agent(Role.MINISTRY), town, anyway=True)
    token = links("mairie_invitee")[0]
    first_doors.name(token, ASKED)      # who was there already is no obstacle: the ministry was told
    newcomer = an_agent(Role.MANAGER)
    for follow in (lambda: first_doors.open_account(links("confirmer_compte")[0]),
                   lambda: first_doors.name(token, ASKED)):
        with pytest.raises(LinkDead):
            follow()
    accounts.suspend(an_agent(Role.MINISTRY), newcomer)
    assert first_doors.opened(token)


def test_where_somebody_manages_the_accounts_the_ministry_confirms_first(ministry):
    a_town(), an_agent(Role.MANAGER, first_name="Alix", last_name="Maire")
    ministry.opens("/admin/communes/inviter/?id=69123")
    assert "Alix Maire" in ministry.said and "jamais connecté" in ministry.said
    ministry.presses("Inviter la mairie")
    assert ministry.page.status_code == 409 and not Mail.select().exists()
    ministry.presses("Inviter la mairie", anyway="y")
    assert Mail.get().name == "mairie_invitee"


def test_whose_delegation_is_over_manages_nothing_any_more(db):
    town = a_town()
    an_agent(Role.MANAGER, delegated_until=scrutins.today(town) - datetime.timedelta(days=1))
    an_agent(Role.MANAGER, suspended_at=now())
    assert first_doors.managers(town) == []
    an_agent(Role.MANAGER, delegated_until=scrutins.today(town))
    with pytest.raises(ManagerThere):
        first_doors.invite(an_agent(Role.MINISTRY), town)


def test_a_mairie_without_an_address_is_written_to_nowhere(ministry):
    a_commune()
    assert "n’est pas connue" in ministry.opens("/admin/communes/inviter/?id=69123").said
    with pytest.raises(first_doors.MairieWithoutAddress):
        first_doors.invite(ministry.agent, Commune.get())
    assert not Mail.select().exists()


def test_who_was_named_and_did_not_follow_is_forgotten(db):
    first_doors.name(invited(), ASKED)
    with time_machine.travel(now() + first_doors.LIFE + HOUR, tick=False):
        jobs.through(first_doors.WORKS["invitations"])
    assert MairieLink.get().asked is None
    with time_machine.travel(now() + first_doors.KEPT + HOUR, tick=False):
        jobs.through(first_doors.WORKS["invitations"])
    assert not MairieLink.select().exists()


# --- Nobody there ---------------------------------------------------------------------------------------------------

def an_undecided(code="69123", scrutin=None, **columns):
    file = a_procuration("etablie", commune=a_commune(code), scrutin=scrutin or a_scrutin(in_days=5, two_tours=False))
    if columns:
        Procuration.update(**columns).where(Procuration.id == file.id).execute()
    return file


def silent():
    return [(silence.commune.code, silence.waiting) for silence in silences.page(50)]


def test_communes_where_files_wait_and_nobody_was_there_for_two_days(db):
    near, far = a_scrutin(in_days=5, two_tours=False), a_scrutin(in_days=40, two_tours=False)
    for code, scrutin in (("69123", far), ("75056", near), ("69189", near), ("69189", near), ("97209", near)):
        an_undecided(code, scrutin)
    Agent.delete().where(Agent.commune.is_null(False)).execute()
    a_procuration("validee", commune=a_commune("46260"), scrutin=near)
    an_agent(Role.COMMUNE, a_commune("97209"), seen_at=now() - 47 * HOUR)
    an_agent(Role.MANAGER, a_commune("69189"), seen_at=now() - 49 * HOUR)
    an_agent(Role.MANAGER, a_commune("75056"), seen_at=now(), suspended_at=now())
    assert silent() == [("69189", 2), ("75056", 1), ("69123", 1)], "the nearest poll, then the most to decide"
    assert silences.silent().count() == 3
    first = silences.page(1)[0]
    assert first.seen_at and first.invited_at is None and first.until == near.tours.get().day


def test_what_can_no_longer_be_decided_makes_no_silence(db):
    file = an_undecided("97209")
    for hours, expected in ((27, 1), (29, 0)):      # midnight of Martinique is four hours after UTC's
        with time_machine.travel(datetime.datetime.combine(file.valid_until, datetime.time(), datetime.timezone.utc)
                                 + hours * HOUR, tick=False):
            assert len(silent()) == silences.silent().count() == expected


def test_the_ministry_sees_them_and_downloads_them(ministry):
    an_undecided(), a_town()
    assert "Communes en attente 1" in ministry.opens("/admin/").said
    ministry.follows("Les voir")
    assert ministry.title == "Communes en attente : 1" and "Lyon (69)" in ministry.said
    assert "dans 5 jours" in ministry.said
    exported = ministry.client.get("/admin/communes-en-attente/export").get_data(as_text=True).splitlines()
    assert len(exported) == 2 and exported[1].startswith("69123;Lyon (69);1000;1;")
    ministry.follows("Inviter").presses("Rappeler à la mairie")
    reminders = Mail.select().where(Mail.name == "rappel_mairie")
    assert reminders.count() == 1
    ministry.opens("/admin/communes/inviter/?id=69123").presses("Rappeler à la mairie")
    assert ministry.page.status_code == 409 and reminders.count() == 1


def test_the_file_has_all_of_them_in_that_order_and_wants_a_proof_of_many(ministry, monkeypatch):
    for code in ("69189", "69123", "75056"):
        an_undecided(code)
    with count_statements() as statements:
        codes = silences.codes()
    assert len(statements) == 1, "no statement can name them all"
    monkeypatch.setattr("admin_views.export.CHUNK", 2)
    exported = ministry.client.get("/admin/communes-en-attente/export").get_data(as_text=True).splitlines()
    assert [row[:5] for row in exported[1:]] == codes == ["69123", "69189", "75056"]
    monkeypatch.setattr("admin_views.export.MOST_UNPROVED", 2)
    WebSession.update(proved_at=None).execute()
    assert "c’est vous" in ministry.opens("/admin/communes-en-attente/export").title
    assert Event.select().where(Event.act == "exporter").count() == 1


def test_the_list_takes_as_many_statements_for_many_communes_as_for_one(db):
    taken = []
    for codes in (("69123",), ("75056", "69189", "97209")):
        for code in codes:
            an_undecided(code)
        with count_statements() as statements:
            silences.page(50)
        taken.append(len(statements))
    assert taken[0] == taken[1] == 4


# --- The mail of the morning ----------------------------------------------------------------------------------------

def morning(town, hour=8, days=0):
    return scrutins.hour_of(scrutins.today(town) + datetime.timedelta(days=days), hour, town)


def reminded(at):
    with time_machine.travel(at, tick=False):
        jobs.through(silences.WORK)
    return [(mail.key, mail.context["count"]) for mail in Mail.select().where(Mail.name == "rappel_mairie")
            .order_by(Mail.id)]


def test_each_morning_there_the_mairie_is_told_once_how_many_wait(db):
    lyon, noumea = a_town(), a_town("98818", "mairie@noumea.example")
    scrutin = a_scrutin(in_days=9, two_tours=False)
    an_undecided("69123", scrutin), an_undecided("69123", scrutin), an_undecided("98818", scrutin)
    tomorrow = scrutins.today(lyon) + datetime.timedelta(days=1)
    assert reminded(morning(lyon, 7, days=1)) == [], "too early here, evening there"
    expected = [(f"rappel:69123:{tomorrow}:mairie", 2)]
    assert reminded(morning(lyon, days=1)) == reminded(morning(lyon, 9, days=1)) == expected
    assert len(reminded(morning(noumea, days=3))) == 2
    mail = Mail.get(Mail.name == "rappel_mairie")
    text = " ".join(outbox.render(mail.name, mail.context).text.split())
    assert mail.recipient == "mairie@lyon.example" and "2 procurations attendent" in text
    assert not any(person.birth_name in text for file in Procuration.select() for person in file.personnes)


def test_a_day_without_anything_to_decide_an_eve_and_a_refusal_are_days_without_a_mail(db):
    town = a_town()
    file = an_undecided(scrutin=a_scrutin(in_days=5, two_tours=False))
    eve = (file.valid_until - scrutins.today(town)).days - 1
    assert reminded(morning(town, days=eve)) == [], "the mail of the eve says it"
    silences.want_reminders(an_agent(Role.MANAGER), False)
    assert reminded(morning(town, days=1)) == []
    silences.want_reminders(an_agent(Role.MANAGER), True)
    Procuration.update(status="validee").execute()
    assert reminded(morning(town, days=1)) == []


def test_a_manager_stops_the_reminders_of_the_own_town_and_takes_them_up_again(app):
    a_town("75056")
    manager = Desk(app, an_agent(Role.MANAGER, a_town()))
    manager.opens("/admin/rappels/").presses("Arrêter les rappels")
    assert "Les rappels sont arrêtés" in manager.said
    assert [town.code for town in Commune.select().where(Commune.unreminded_at.is_null(False))] == ["69123"]
    manager.presses("Reprendre les rappels")
    assert not Commune.select().where(Commune.unreminded_at.is_null(False)).exists()
    assert Event.select().where(Event.act == "regler_rappels", Event.commune == "69123").count() == 2


def test_an_account_made_for_a_mairie_is_only_for_its_commune(db):
    first_doors.name(invited(), ASKED)
    agent = accounts.invited(first_doors.open_account(links("confirmer_compte")[0]))
    assert (agent.role, agent.commune_id, agent.password_hash) == (Role.MANAGER, "69123", None)
