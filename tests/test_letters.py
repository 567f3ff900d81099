"""Mandants without an address: their letters are queued with the act, printed, posted and noted by their town hall."""
import datetime
import re

import pytest

from models import Event, Mail, Role, now
from portal import letters, mail, outbox, procedure
from tests.factories import a_commune, a_procuration, a_voter, an_agent, fresh, log_in
from tests.test_back_office import Desk

GRID = "/admin/courriers/"
WAITING = {"flt_state": "letter"}


@pytest.fixture
def desk(app):
    return Desk(app, an_agent())


def a_letter(status="validee", agent=None, **columns):
    """The letter that tells a mandant without an address of `status`."""
    voter = a_voter(birth_name="Orsatelli", first_names="Angèle", email=None, **columns)
    file = a_procuration(status, voter=voter, agent=agent)
    return Mail.get(Mail.procuration == file, Mail.name == status)


@pytest.mark.parametrize("status, told", [
    ("validee", ["validee"]), ("invalidee", ["invalidee"]), ("annulee", ["annulee"]), ("resiliee", ["resiliee"]),
    ("etablie", []), ("deposee", []), ("refusee", []), ("retiree", [])])
def test_what_happens_at_the_town_hall_is_told_by_post_and_what_happens_in_person_is_not(db, status, told):
    file = a_procuration(status, email=None)
    rows = list(Mail.select().where(Mail.procuration == file))
    assert [row.name for row in rows] == told
    assert all((row.state, row.recipient, row.commune_id) == ("letter", "", file.commune_id) for row in rows)


def test_a_decision_taken_back_is_told_too(db):
    file = a_procuration("validee", email=None)
    procedure.reprendre(fresh(file), an_agent())
    assert [row.name for row in Mail.select().order_by(Mail.id)] == ["validee", "reprise"]


def test_a_mandant_with_an_address_gets_no_letter(db):
    a_procuration("validee")
    assert not Mail.select().where(Mail.commune.is_null(False)).exists()


def test_the_worker_never_sends_a_letter_and_the_ministry_cannot(db):
    letter = a_letter()
    assert outbox.claim(10) == []
    assert not outbox.resend(letter)
    assert Mail.get_by_id(letter.id).state == "letter"


@pytest.mark.parametrize("status", ["validee", "invalidee", "annulee", "resiliee"])
def test_a_letter_says_what_the_mail_says(db, status):
    row = a_letter(status)
    context = Mail.get_by_id(row.id).context
    letter, told = letters.written([row])[0], outbox.render(row.name, context)
    words = [line.strip() for line in re.sub("<[^>]+>", "\n", str(letter.body)).split("\n") if len(line.strip()) > 12]
    unsaid = [line for line in words if line not in re.sub("<[^>]+>", "\n", told.html)]
    assert letter.subject == told.subject and unsaid == [] or all("sur internet" in line for line in unsaid), unsaid


@pytest.mark.parametrize("name", sorted({mail.NAMES[act] for act in mail.LETTERS} | {"tour_deplace"}))
def test_every_notice_can_be_a_letter(db, name):
    row = a_letter()
    sample = (mail.SAMPLES | mail.LINKS)[name]
    Mail.update(name=name, context=sample).where(Mail.id == row.id).execute()
    body = letters.written([Mail.get_by_id(row.id)])[0].body
    assert not [words for words in ("<html", "message est automatique", "jointe") if words in body]
    assert sample["commune"] in body


@pytest.mark.parametrize("context", [None, {"commune": "Lyon (69)"}])
def test_a_letter_whose_content_is_gone_says_so_and_keeps_no_other_back(desk, context):
    row, _ = a_letter(), a_letter("annulee")
    Mail.update(context=context).where(Mail.id == row.id).execute()
    assert "n’est plus là" in desk.opens(GRID + f"details/?id={row.id}").said
    assert "Votre procuration est annulée" in desk.opens(GRID + "imprimer/").said


# --- At the desk ----------------------------------------------------------------------------------------------------

def test_the_start_page_counts_what_is_to_be_posted(desk):
    a_letter()
    assert "lettre à envoyer" in desk.opens("/admin/").said
    assert a_letter().id in desk.follows("Voir les lettres").rows


def test_one_letter_is_printed_and_noted_as_posted(desk):
    row = a_letter()
    desk.opens(GRID, **WAITING).follows("Orsatelli Angèle")
    assert "Objet : Votre procuration est validée" in desk.said and "Madame Angèle Orsatelli" in desk.said
    desk.presses("Noter comme postée")
    posted = Mail.get_by_id(row.id)
    assert posted.state == "sent" and posted.sent_at
    assert "Aucune lettre n’attend" in desk.opens(GRID, **WAITING).said


def test_several_are_printed_at_once_and_noted_together(desk):
    rows = [a_letter(), a_letter("annulee")]
    desk.opens(GRID, **WAITING).follows("Tout imprimer")
    assert desk.title == "2 lettres à imprimer" and desk.text.count('class="sheet lettre"') == 2
    desk.presses("Noter comme postées…", rowid=[row.id for row in rows])
    assert {Mail.get_by_id(row.id).state for row in rows} == {"letter"}, "confirmed first"
    desk.presses("Noter comme postées", **{name: re.findall(f'name="{name}" value="([^"]*)"', desk.text)
                                           for name in ("rowid", "seen")})
    assert {Mail.get_by_id(row.id).state for row in rows} == {"sent"}


def test_what_was_noted_by_mistake_waits_again_the_same_day_and_no_later(desk):
    row = a_letter()
    letters.post(row, desk.agent)
    desk.opens(GRID + f"details/?id={row.id}").presses("Elle n’est pas partie")
    assert Mail.get_by_id(row.id).state == "letter"
    Mail.update(state="sent", sent_at=now() - datetime.timedelta(days=1)).where(Mail.id == row.id).execute()
    desk.opens(GRID + f"details/?id={row.id}").presses("Elle n’est pas partie")
    assert "un autre jour" in desk.said and Mail.get_by_id(row.id).state == "sent"


def test_two_colleagues_note_the_same_letter_once(db):
    row, agent = a_letter(), an_agent()
    letters.post(row, agent)
    with pytest.raises(letters.AlreadyPosted):
        letters.post(row, an_agent())
    assert Event.select().where(Event.act == "poster").count() == 1
    letters.take_back(row, agent)
    with pytest.raises(letters.NotPosted):
        letters.take_back(row, agent)


def test_reading_a_letter_is_reading_its_file(desk):
    row = a_letter()
    desk.opens(GRID + f"details/?id={row.id}")
    traced = Event.select().where(Event.act == "consulter", Event.subject == "procuration").order_by(Event.id.desc())
    assert traced.first().subjects == str(row.procuration_id)


def test_another_town_hall_sees_none_of_it(app):
    row = a_letter()
    elsewhere = Desk(app, an_agent(Role.MANAGER, a_commune("75056")))
    assert elsewhere.opens(GRID, **WAITING).rows == []
    assert elsewhere.opens(GRID + f"details/?id={row.id}").page.status_code == 404
    assert "Orsatelli" not in elsewhere.opens(GRID + "imprimer/").text


def test_the_ministry_sees_that_letters_wait_and_not_whose(client):
    a_letter()
    log_in(client, agent=an_agent(Role.MINISTRY))
    page = client.get("/admin/courriels/?flt_state=letter")
    assert "Lettre à poster" in page.text and "Orsatelli" not in page.text
