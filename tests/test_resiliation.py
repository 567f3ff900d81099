"""A résiliation: asked online, presented in person; and what becomes of the vote (L. 75, L. 76, R. 78)."""
import datetime
from io import BytesIO

import pytest
import time_machine
from pypdf import PdfReader

from models import Couverture, Event, Mail, Passage, Reference, Status, now
from portal import outbox, places, procedure, references, resiliation, scrutins
from portal.errors import AlreadyDecided, NotYours, ReasonMissing
from tests.factories import (PATHS, a_commune, a_procuration, a_scrutin, an_acte, an_agent, an_officer, fresh, log_in,
                             somebody)
from tests.statements import count_statements
from tests.test_back_office import GRID, Desk
from tests.test_officer import TICKS, Counter, move, unchanged
from tests.voter import Mandant, day_fields

LIST = "/mes-procurations"
LIVING = (Status.ETABLIE, Status.VALIDEE)
MONTHS = datetime.timedelta(days=70)        # more than two


@pytest.fixture
def mandant(app, client):
    a_commune()
    return Mandant(client)


@pytest.fixture
def officer(app):
    return Counter(app)


def asking(file):
    return f"{LIST}/{file.id}/resilier"


def mails(file, name):
    return Mail.select().where(Mail.procuration == file, Mail.name == name).count()


def read(file, name):
    """The last mail of a name, as it would be read."""
    row = Mail.select().where(Mail.procuration == file, Mail.name == name).order_by(Mail.id.desc()).get()
    return " ".join(outbox.render(name, row.context).text.split())


def events(act):
    return Event.select().where(Event.act == act).count()


def asked(file):
    """A résiliation asked of `file`: its reference."""
    return resiliation.demander(file, file.voter)


# --- The story ------------------------------------------------------------------------------------------------------

def test_the_voter_asks_the_officer_presents_and_both_read_that_it_is_done_R78(mandant, officer):
    file = a_procuration(Status.VALIDEE, voter=mandant.row)
    page = mandant.opens(asking(file))
    assert "R. 78" in page.text and "L. 76" in page.text and "en personne" in page.text
    page = mandant.posts(page.fields(asking(file)), asking(file))
    assert mandant.answer.status_code == 303
    page = mandant.opens(mandant.answer.location)
    reference = Reference.get(Reference.kind == "resilier")
    assert reference.shown in page.text and "au plus tard le" in page.text and file.mandataire.birth_name in page.text
    assert reference.shown in mandant.opens(LIST).text and "Résiliation demandée" in mandant.page.text
    told = read(file, "resiliation_demandee")
    assert reference.shown in told and "vaut toujours" in told

    officer.looks_up(reference).is_told(200, "Résiliation : vérifier l’identité du mandant", file.mandant.birth_name)
    assert unchanged(file)
    officer.presses("Résilier la procuration", **TICKS)
    officer.is_told(200, "Procuration résiliée", "ne vaut plus rien", "Référence suivante").sees_nobody(file)
    assert fresh(file).status == Status.RESILIEE and not places.held(file)
    assert "prévenez cette personne vous-même" in read(file, "resiliee")
    text = mandant.opens(LIST).text
    assert "Vous avez repris votre vote" in text and "Procuration résiliée" in text and reference.shown not in text
    officer.opens("/admin/guichet/actes").is_told(200, "1</strong> résiliation", reference.shown)


def test_what_was_asked_is_in_the_sheet_that_goes_with_the_mail(mandant):
    file = a_procuration(Status.ETABLIE, voter=mandant.row)
    reference = asked(file)
    answer = mandant.client.get(f"{LIST}/{file.id}/resiliation.pdf")
    assert answer.mimetype == "application/pdf"
    text = " ".join(PdfReader(BytesIO(answer.data)).pages[0].extract_text().split())
    assert "Résiliation à présenter" in text and reference.shown in text
    row = Mail.get(Mail.procuration == file, Mail.name == "resiliation_demandee")
    assert [part.get_filename() for part in outbox.compose(row).iter_attachments()] == ["resiliation-procuration.pdf"]


# --- Asking ---------------------------------------------------------------------------------------------------------

def test_asked_twice_it_gives_the_same_reference_and_one_mail(mandant):
    file = a_procuration(Status.ETABLIE, voter=mandant.row)
    sent = mandant.opens(asking(file)).fields(asking(file))
    for _ in range(2):
        mandant.posts(sent, asking(file))
        assert mandant.answer.status_code == 303
    assert Reference.select().where(Reference.kind == "resilier").count() == 1
    assert mails(file, "resiliation_demandee") == events("demander_resiliation") == 1
    assert mandant.client.get(asking(file)).status_code == 303, "what is asked is shown, not asked again"


def test_asking_moves_nothing(db):
    file = a_procuration(Status.VALIDEE)
    asked(file)
    assert unchanged(file) and len(places.held(file)) == 2 and file.passages.count() == 3


@pytest.mark.parametrize("status", [status for status in PATHS if status not in LIVING])
def test_only_a_procuration_that_lives_can_be_resiliee(mandant, status):
    file = a_procuration(status, voter=mandant.row)
    assert not [tag for tag in mandant.opens(LIST).all("a") if tag["href"] == asking(file)]
    mandant.opens(asking(file))
    assert mandant.answer.status_code == 409
    with pytest.raises(AlreadyDecided):
        asked(file)


@pytest.mark.parametrize("status", LIVING)
def test_a_living_one_is_offered_until_its_last_day(mandant, status):
    file = a_procuration(status, voter=mandant.row)
    assert [tag for tag in mandant.opens(LIST).all("a") if tag["href"] == asking(file)]
    with time_machine.travel(now() + MONTHS):
        log_in(mandant.client, voter=mandant.row)
        assert not [tag for tag in mandant.opens(LIST).all("a") if tag["href"] == asking(file)]
        mandant.opens(asking(file))
        assert mandant.answer.status_code == 422 and "terminé" in mandant.page.text


@pytest.mark.parametrize("path", ["resilier", "resiliation", "resiliation.pdf"])
def test_nobody_asks_for_another(mandant, path):
    file = a_procuration(Status.ETABLIE)
    asked(file)
    assert mandant.client.get(f"{LIST}/{file.id}/{path}").status_code == 404


def test_nobody_gives_up_or_asks_by_the_form_of_another(mandant):
    own, other = a_procuration(Status.ETABLIE, voter=mandant.row), a_procuration(Status.ETABLIE)
    sent = mandant.opens(asking(own)).fields(asking(own))
    asked(other)
    for path in (asking(other), f"{LIST}/{other.id}/resiliation/garder"):
        assert mandant.client.post(path, data=sent).status_code == 404
    assert resiliation.awaited(other)
    with pytest.raises(NotYours):
        resiliation.demander(other, mandant.row)
    with pytest.raises(NotYours):
        resiliation.renoncer(other, mandant.row)


def test_without_an_address_the_page_gives_the_reference_and_no_letter_is_due(db):
    file = a_procuration(Status.ETABLIE, email=None)
    reference = asked(file)
    resiliation.refuser(references.find(reference.code), an_officer(), "volonte_non_libre")
    assert reference.code and not Mail.select().where(Mail.procuration == file).exists()


# --- Keeping it after all -------------------------------------------------------------------------------------------

def test_the_voter_keeps_the_procuration_and_the_officer_hears_it(mandant, officer):
    file = a_procuration(Status.ETABLIE, voter=mandant.row)
    reference, keeping = asked(file), f"{LIST}/{file.id}/resiliation/garder"
    sent = mandant.opens(f"{LIST}/{file.id}/resiliation").fields(keeping)
    for _ in range(2):
        mandant.posts(sent, keeping)
        assert mandant.answer.status_code == 303
    assert events("garder_procuration") == 1
    text = mandant.opens(LIST).text
    assert "Vous gardez votre procuration" in text and "Résiliation demandée" not in text and unchanged(file)
    officer.looks_up(reference).is_told(409, "a choisi de garder sa procuration").sees_nobody(file)


def test_asked_again_it_has_another_reference(db):
    file = a_procuration(Status.ETABLIE)
    first = asked(file)
    resiliation.renoncer(file, file.voter)
    assert asked(file).code != first.code and mails(file, "resiliation_demandee") == 2


def test_what_is_kept_while_the_file_is_open_at_the_counter_stays(officer):
    file = a_procuration(Status.VALIDEE)
    officer.looks_up(asked(file))
    resiliation.renoncer(file, file.voter)
    officer.presses("Résilier la procuration", **TICKS).is_told(409, "garder sa procuration").sees_nobody(file)
    assert unchanged(file) and not mails(file, "resiliee")


# --- How long -------------------------------------------------------------------------------------------------------

def test_it_is_to_be_presented_within_two_calendar_months_and_asked_anew_after(mandant, officer):
    file = a_procuration(Status.ETABLIE, voter=mandant.row, scrutin=a_scrutin(in_days=200))
    reference = asked(file)
    with time_machine.travel(now() + MONTHS):
        assert resiliation.awaited(file) is None
        log_in(mandant.client, voter=mandant.row)
        text = mandant.opens(LIST).text
        assert "pas été présentée à temps" in text and reference.shown not in text
        log_in(officer.client, agent=officer.officer)
        officer.looks_up(reference).is_told(409, "au plus tard le", "la procuration vaut toujours").sees_nobody(file)
        assert asked(file).code != reference.code


def test_it_lapses_with_the_last_day_covered(db):
    file = a_procuration(Status.ETABLIE)
    reference = asked(file)
    assert resiliation.present_by(reference) == file.valid_until
    with time_machine.travel(resiliation.ends_at(reference) - datetime.timedelta(seconds=1)):
        assert resiliation.awaited(file)
    with time_machine.travel(resiliation.ends_at(reference)):
        assert resiliation.awaited(file) is None


def test_once_the_poll_is_over_the_officer_reads_so(officer):
    file = a_procuration(Status.ETABLIE)
    reference = asked(file)
    move(file, valid_until=now().date() - datetime.timedelta(days=2))
    officer.looks_up(reference).is_told(422, "Le scrutin est terminé").sees_nobody(file)


# --- At the counter -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("status, told", [
    (Status.ANNULEE, "Procuration annulée le"), (Status.INVALIDEE, "Procuration invalidée le"),
    (Status.RESILIEE, "déjà résiliée")])
def test_a_procuration_that_ended_otherwise_leaves_nothing_to_end(officer, status, told):
    file = a_procuration(Status.ETABLIE)
    reference, agent = asked(file), an_agent()
    for act in PATHS[status][len(PATHS[Status.ETABLIE]):]:
        act(fresh(file), officer.officer, agent)
    officer.looks_up(reference).is_told(409, told).sees_nobody(file)


@pytest.mark.parametrize("missing", TICKS)
def test_nothing_is_ended_before_every_point_is_ticked(officer, missing):
    file = a_procuration(Status.ETABLIE)
    officer.looks_up(asked(file)).presses("Résilier la procuration", **{**TICKS, missing: ""})
    officer.is_told(422, "Cochez", "Résiliation : vérifier").presses("Résilier la procuration", **TICKS)
    officer.is_told(200, "Procuration résiliée")


def test_a_double_click_ends_once(officer):
    file = a_procuration(Status.ETABLIE)
    officer.looks_up(asked(file))
    action, sent = officer.form("Résilier la procuration")
    for _ in range(2):
        officer.page = officer.client.post(action, data={**sent, **TICKS}, follow_redirects=True)
        officer.is_told(200, "Procuration résiliée")
    assert mails(file, "resiliee") == 1


def test_what_was_asked_of_an_act_that_is_undone_does_not_end_the_next_one(db):
    file = a_procuration(Status.ETABLIE)
    reference = resiliation.demander(file, file.voter)
    procedure.defaire(fresh(file), file.officer, "demande_du_mandant")
    procedure.etablir(fresh(file), file.officer)
    assert resiliation.awaited(fresh(file)) is None
    with pytest.raises(resiliation.ResiliationGivenUp):
        resiliation.etablir(references.find(reference.code), file.officer)
    assert resiliation.demander(fresh(file), file.voter).code != reference.code


def test_it_is_not_undone_and_the_page_says_what_to_do(officer):
    file = a_procuration(Status.ETABLIE)
    officer.looks_up(asked(file)).presses("Résilier la procuration", **TICKS)
    officer.sees("Une résiliation ne se défait pas", "refait une demande")
    assert "Défaire cet acte" not in officer.text
    act = Passage.get(Passage.act == "resilier").id
    assert officer.opens(f"/admin/guichet/actes/{act}/defaire").page.status_code == 404


def test_a_refused_resiliation_leaves_the_procuration_and_tells_why(mandant, officer):
    file = a_procuration(Status.VALIDEE, voter=mandant.row)
    reference = asked(file)
    officer.looks_up(reference).presses("Refuser…").is_told(200, "Refuser d’établir la résiliation")
    officer.presses("Relire avant de refuser", reason="identite_differente")
    officer.is_told(200, "La procuration vaudra toujours", "faites résilier la procuration sur papier")
    action, sent = officer.form("Refuser la résiliation")
    for _ in range(2):
        officer.page = officer.client.post(action, data=sent, follow_redirects=True)
        officer.is_told(200, "La résiliation n’est pas établie", "Guichet").sees_nobody(file)
    assert unchanged(file) and events("refuser_resiliation") == mails(file, "resiliation_refusee") == 1
    assert "vaut toujours" in read(file, "resiliation_refusee")
    assert "Résiliation non établie : L’identité ne correspond pas" in mandant.opens(LIST).text
    officer.looks_up(reference).is_told(409, "a été refusée").sees_nobody(file)
    assert asked(file).code != reference.code


def test_a_refusal_has_a_reason(db):
    with pytest.raises(ReasonMissing):
        resiliation.refuser(references.find(asked(a_procuration(Status.ETABLIE)).code), an_officer(), "autre")


def test_later_leaves_the_reference_to_be_presented(officer):
    file = a_procuration(Status.ETABLIE)
    reference = asked(file)
    officer.looks_up(reference).presses("Plus tard, sans rien changer").is_told(200, "rien n’a changé")
    officer.looks_up(reference).presses("Résilier la procuration", **TICKS).is_told(200, "Procuration résiliée")


def test_on_the_day_of_the_vote_the_officer_says_it_may_be_too_late(officer):
    file = a_procuration(Status.ETABLIE, scrutin=a_scrutin(in_days=0))
    officer.looks_up(asked(file)).is_told(200, "À dire au mandant", "a déjà voté", "Résilier la procuration")


def test_the_reference_of_the_request_does_not_end_anything(officer):
    file = a_procuration(Status.ETABLIE)
    asked(file)
    officer.looks_up(file.reference).is_told(409, "déjà été établie").sees_nobody(file)


def test_a_decision_of_the_town_hall_meanwhile_is_told(officer):
    file = a_procuration(Status.ETABLIE)
    officer.looks_up(asked(file))
    procedure.valider(fresh(file), an_agent())
    officer.presses("Résilier la procuration", **TICKS).is_told(409, "Procuration validée le", "par la mairie")
    assert fresh(file).status == Status.VALIDEE and resiliation.awaited(file)


def test_looking_one_up_costs_few_statements(officer):
    file = a_procuration(Status.ETABLIE)
    reference = asked(file)
    action, sent = officer.opens().form("Ouvrir le dossier")
    with count_statements() as counted:
        officer.client.post(action, data={**sent, "reference": reference.code})
    assert len(counted) <= 12, "\n".join(counted)


# --- Received on paper ----------------------------------------------------------------------------------------------

ACT = {"authority": "Claude Bernard", "quality": "capitaine, OPJ", "place": "Bron"}
READ_AGAIN, END = "Relire avant de résilier", "Résilier la procuration"


@pytest.fixture
def town_hall(app):
    return Desk(app, an_agent())


def dated(days=0, **changes):
    """What is written on the act, so many days ago."""
    return {**ACT, **day_fields("established_on", scrutins.today(a_commune()) - datetime.timedelta(days)), **changes}


def to_end(desk, file):
    """At the page where the act is typed."""
    return desk.opens(GRID + f"details/?id={file.id}").follows("Résilier, par un acte reçu sur papier")


def test_an_act_on_paper_ends_it_once_and_the_place_is_shown_not_given_R78_L73(town_hall):
    agent, scrutin, mandataire = town_hall.agent, a_scrutin(), somebody(commune=a_commune())
    first, second = (procedure.saisir(an_acte(scrutin, mandataire=mandataire, email="angele@exemple.fr",
                                              established_at=now() - datetime.timedelta(hours=hours)), agent)
                     for hours in (2, 1))
    procedure.valider(fresh(first), agent)
    to_end(town_hall, first).presses(READ_AGAIN, **dated())
    told = "a reçu l’acte établi sur papier à Bron"
    assert told in town_hall.said and "définitive" in town_hall.said and fresh(first).status == Status.VALIDEE
    _, sent = town_hall.form(END)
    town_hall.presses(END)
    assert f"La procuration n° {first.id} est résiliée. Un courriel part vers le mandant." in town_hall.said
    assert fresh(first).status == Status.RESILIEE and not places.held(first)
    assert Passage.get(Passage.act == "resilier").evidence == {
        "authority": "Claude Bernard, capitaine, OPJ", "place": "Bron", "day": dated_day()}
    assert told in read(first, "resiliee") and "prévenez cette personne vous-même" in read(first, "resiliee")
    assert town_hall.client.post(GRID + "resilier/", data=sent).status_code == 409 and mails(first, "resiliee") == 1
    assert {(row.place, row.free) for row in Couverture.select()} == {(None, True)}, "of the second, shown only"
    assert "Une place est de nouveau libre" in town_hall.opens(GRID + f"details/?id={second.id}").said


def dated_day():
    return scrutins.today(a_commune()).isoformat()


def test_a_mandant_without_an_address_reads_of_it_by_letter_R78(town_hall):
    file = a_procuration(Status.ETABLIE, email=None)
    to_end(town_hall, file).presses(READ_AGAIN, **dated())
    assert "Ce que dira la lettre au mandant" in town_hall.said and "à Bron, le" in town_hall.said
    assert "inutile d’y répondre" not in town_hall.said, "that is for a mailbox"
    town_hall.presses(END)
    assert "prévenez-le par lettre" in town_hall.said
    assert Mail.get(Mail.procuration == file, Mail.name == "resiliee").state == "letter"


def test_what_was_typed_comes_back_to_be_changed_R78(town_hall):
    file = a_procuration(Status.ETABLIE)
    to_end(town_hall, file).presses(READ_AGAIN, **dated()).presses("Modifier")
    assert 'value="Claude Bernard"' in town_hall.text and town_hall.page.status_code == 200 and unchanged(file)


def test_authorities_already_met_are_proposed_not_filled_in(town_hall):
    file = a_procuration(Status.ETABLIE)
    procedure.saisir(an_acte(), town_hall.agent)
    to_end(town_hall, file)
    for name in ("Dominique Martin", "Claude Mercier", "brigadier-chef, APJ", "greffière"):
        assert f'<option value="{name}">' in town_hall.text
    assert town_hall.form(READ_AGAIN)[1]["authority"] == ""


@pytest.mark.parametrize("days, changes, sentence", [
    (-1, {}, "est dans l’avenir"), (1, {}, "avant celui de la procuration"),
    (0, {"established_on-day": "31", "established_on-month": "2"}, "n’existe pas dans le calendrier"),
    (0, {"established_on-year": ""}, "est incomplet"), (0, {"authority": "Bernard, capitaine"}, "pas de virgule"),
    (0, {"place": "B" * 200}, "80 caractères"), (0, {"quality": " "}, "Écrivez la qualité")])
def test_an_act_that_cannot_be_so_is_told_and_ends_nothing_R78(town_hall, days, changes, sentence):
    file = a_procuration(Status.ETABLIE)
    to_end(town_hall, file).presses(READ_AGAIN, **dated(days, **changes))
    assert town_hall.page.status_code == 422 and sentence in town_hall.said
    assert 'value="Bron"' in town_hall.text or "place" in changes, "nothing typed is lost"
    assert unchanged(file) and not mails(file, "resiliee")


def test_a_file_that_moved_ended_or_is_not_ours_is_not_ended_R78(town_hall):
    file = a_procuration(Status.ETABLIE)
    to_end(town_hall, file).presses(READ_AGAIN, **dated())
    procedure.valider(fresh(file), an_agent(first_name="Noé", last_name="Leroux"))
    town_hall.presses(END)
    assert town_hall.page.status_code == 409 and "Noé Leroux" in town_hall.said and fresh(file).status == "validee"
    procedure.annuler(fresh(file), town_hall.agent, "deces_du_mandataire")
    assert town_hall.opens(GRID + f"resilier/?id={file.id}").page.status_code == 409
    assert "Résilier, par un acte" not in town_hall.opens(GRID + f"details/?id={file.id}").said
    foreign = a_procuration(Status.ETABLIE, commune=a_commune("75056"))
    for number in (foreign.id, 999_999):
        assert town_hall.opens(GRID + f"resilier/?id={number}").page.status_code == 404
