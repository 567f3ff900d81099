"""A request whose author FranceConnect now calls otherwise: found again with reference, birth data and mailbox."""
import datetime
import re

import pytest
import time_machine

from models import Event, Mail, Procuration, SingleUse, now
from portal import outbox, retrouver
from tests.factories import a_commune, a_procuration, a_scrutin, a_voter, fresh, log_in
from tests.voter import Mandant

SEARCH = "/mes-procurations/retrouver"
BORN = {"first_names": "Camille Andrée", "sex": "F", "birth_date": "1980-05-17", "birth_place": "69123"}


@pytest.fixture
def mandant(app):
    """Who bears another name since a request of theirs."""
    app.config["WTF_CSRF_ENABLED"] = False
    a_commune()
    a_scrutin()
    return Mandant(app.test_client(), birth_name="Nouveau-Nom")


def a_former_one(status="deposee", **columns):
    return a_procuration(status, voter=a_voter(**{"birth_name": "Ancien-Nom", **columns}))


def asks(mandant, typed):
    return mandant.posts({"lost": typed}, SEARCH)


def links(file):
    return list(Mail.select().where(Mail.procuration == file, Mail.name == retrouver.MAIL))


def link_of(file):
    mail = links(file)[-1]
    rendered = outbox.render(mail.name, mail.context)
    found, = set(re.findall(r"http://localhost(/mes-procurations/retrouver/\w+)", rendered.text + rendered.html))
    return found


def test_a_person_with_another_birth_name_finds_a_request_again(mandant):
    file = a_former_one("validee")
    assert file.mandataire.birth_name not in mandant.opens("/mes-procurations").text
    asks(mandant, file.reference.shown.lower())
    assert mandant.answer.status_code == 303 and "un courriel vient de partir" in mandant.opens(SEARCH).text
    link = link_of(file)
    assert links(file)[0].recipient == file.email
    page = mandant.opens(link)
    assert "Ancien-Nom" in page.text and fresh(file).voter_id == file.voter_id      # opening changes nothing
    mandant.posts({}, link)
    assert fresh(file).voter == mandant.row and fresh(file).version == file.version
    assert file.mandataire.birth_name in mandant.opens("/mes-procurations").text
    assert [event.act for event in Event.select().order_by(Event.id)][-2:] == ["retrouver", "rattacher"]
    assert mandant.client.post(link).status_code == 404                             # once


def test_the_former_account_has_the_file_no_more(app, mandant):
    file = a_former_one()
    asks(mandant, file.reference.code)
    mandant.posts({}, link_of(file))
    former = app.test_client()
    log_in(former, voter=file.voter)
    assert former.get(f"/mes-procurations/{file.id}/retirer").status_code == 404


@pytest.mark.parametrize("changed", [{}, {"first_names": "Alex"}, {"sex": "M"}, {"birth_name": "Autre"}])
def test_one_thing_may_have_changed(mandant, changed):
    mandant.row.birth_name = changed.get("birth_name", "Ancien-Nom")
    mandant.row.save()
    file = a_former_one(**{name: value for name, value in changed.items() if name != "birth_name"})
    asks(mandant, file.reference.code)
    assert links(file)


@pytest.mark.parametrize("columns", [
    {"birth_date": "1980-05-18"}, {"birth_place": "75056"}, {"birth_country": "99352"}, {"first_names": "Alex"},
    {"sex": "M"}], ids=["date", "place", "country", "two names", "name and sex"])
def test_somebody_else_is_answered_the_same_and_nothing_leaves(mandant, columns):
    file = a_former_one(**columns)
    asks(mandant, file.reference.code)
    answers = [(mandant.answer.status_code, mandant.answer.location, mandant.opens(SEARCH).text)]
    for typed in ("ZZZZZZ", "pas une référence", "é" * 5000):
        asks(mandant, typed)
        answers.append((mandant.answer.status_code, mandant.answer.location, mandant.opens(SEARCH).text))
    same = a_former_one()
    asks(mandant, same.reference.code)
    answers.append((mandant.answer.status_code, mandant.answer.location, mandant.opens(SEARCH).text))
    assert len(set(answers)) == 1 and not links(file) and links(same)


def test_an_address_that_nobody_confirmed_proves_nothing(mandant):
    file = a_procuration(voter=a_voter(birth_name="Ancien-Nom"), email="ailleurs@exemple.fr")
    asks(mandant, file.reference.code)
    assert not links(file)


def test_one_s_own_file_needs_no_link(mandant):
    file = a_procuration(voter=mandant.row)
    asks(mandant, file.reference.code)
    assert mandant.answer.status_code == 303 and not links(file)


def test_the_link_is_for_the_account_that_asked(app, mandant):
    file = a_former_one()
    asks(mandant, file.reference.code)
    link = link_of(file)
    twin = Mandant(app.test_client(), birth_name="Nouveau-Nom")
    assert twin.client.get(link).status_code == 404 and twin.client.post(link).status_code == 404
    assert app.test_client().get(link).status_code == 303                           # logged out: to the log-in
    assert fresh(file).voter_id == file.voter_id and mandant.client.post(link).status_code == 303


def test_the_link_lives_an_hour(mandant):
    file = a_former_one()
    asks(mandant, file.reference.code)
    SingleUse.update(expires_at=now()).where(SingleUse.kind == retrouver.KIND).execute()
    assert mandant.client.get(link_of(file)).status_code == 404
    assert mandant.client.post(link_of(file)).status_code == 404 and fresh(file).voter_id == file.voter_id


def test_five_searches_a_day_found_or_not(mandant):
    file = a_former_one()
    for typed in ("ZZZZZZ", "YYYYYY", "", "XXXXXX", "WWWWWW", "VVVVVV"):            # an empty field is no search
        asks(mandant, typed)
    assert mandant.answer.status_code == 303
    page = asks(mandant, file.reference.code)
    assert mandant.answer.status_code == 429 and "Réessayez demain" in page.error_at("lost") and not links(file)
    with time_machine.travel(now() + datetime.timedelta(hours=25)):
        log_in(mandant.client, voter=mandant.row)
        asks(mandant, file.reference.code)
        assert links(file)


def test_an_empty_field_is_told_at_its_field(mandant):
    page = asks(mandant, "")
    assert mandant.answer.status_code == 422 and "6 lettres et chiffres" in page.error_at("lost")


def test_a_link_to_another_address_follows_no_correction(mandant):
    """It proves the address it was sent to."""
    file = a_former_one()
    asks(mandant, file.reference.code)
    mail, = links(file)
    Procuration.update(email="ailleurs@exemple.fr", email_confirmed_at=None).where(Procuration.id == file.id).execute()
    assert mail.recipient == file.email and mandant.client.post(link_of(file)).status_code == 404
