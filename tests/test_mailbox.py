"""The demonstration's mailbox: what a worker dropped, and every mail with sample facts; it runs nothing of them."""
import re
from dataclasses import replace

import pytest

from demo.mailbox import create_mailbox
from models import Mail
from portal import mail, outbox
from portal.settings import use
from tests.factories import a_procuration


@pytest.fixture
def mails(db, settings, tmp_path):
    use(replace(settings, mail_url=f"mailbox:{tmp_path / 'recus'}"))
    return create_mailbox(str(tmp_path / "recus")).test_client()


def opened(mails, subject):
    """The address of the first mail of the list."""
    page = mails.get("/").text
    return page[:page.index(subject)].rsplit('href="', 1)[1].split('"')[0]


def test_an_empty_mailbox_says_so(mails):
    assert "Aucun courriel pour l’instant" in mails.get("/").text


def test_mails_are_listed_newest_first_and_read_in_text_and_html(mails):
    procuration = a_procuration("etablie")
    while outbox.send_batch():
        pass
    page = mails.get("/").text
    subjects = [outbox.render(name, mail.SAMPLES[name]).subject for name in ("etablie", "deposee")]
    assert page.index(subjects[0]) < page.index(subjects[1])
    address = opened(mails, subjects[1])
    assert procuration.reference.shown in mails.get(address).text
    assert procuration.reference.shown in mails.get(f"{address}/html").text


def test_a_hostile_mail_is_shown_as_text_and_sandboxed(mails):
    hostile = {**mail.SAMPLES["deposee"], "mandataire": "<script>alert(1)</script>"}
    Mail.create(key="k", name="deposee", recipient="mandant@exemple.fr", context=hostile)
    outbox.send_batch()
    address = opened(mails, outbox.render("deposee", hostile).subject)
    for page in (mails.get(address), mails.get(f"{address}/html")):
        assert "<script>" not in page.text and "default-src 'none'" in page.headers["Content-Security-Policy"]
    policy = mails.get(f"{address}/html").headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-top-navigation-by-user-activation;") and "script" not in policy


def test_what_is_attached_can_be_saved(mails):
    a_procuration("validee")
    while outbox.send_batch():
        pass
    address = opened(mails, outbox.render("validee", mail.SAMPLES["validee"]).subject)
    assert "recepisse-procuration.pdf" in mails.get(address).text
    files = [mails.get(f"{address}/pieces/{number}") for number in range(3)]
    assert [answer.mimetype for answer in files] == ["application/pdf", "text/calendar", "text/html"]
    assert files[0].data.startswith(b"%PDF") and b"BEGIN:VEVENT" in files[1].data and files[2].status_code == 404
    assert all("attachment" in answer.headers["Content-Disposition"] for answer in files[:2])


def test_what_is_attached_to_a_model_can_be_saved(mails):
    assert mails.get("/modeles/deposee/pieces/0").data.startswith(b"%PDF")
    assert mails.get("/modeles/retiree/pieces/0").status_code == 404


def test_a_day_is_told_in_french(mails):
    a_procuration()
    outbox.send_batch()
    assert re.search(r"\d{4} à \d+\sh\s\d\d", mails.get("/").text)


@pytest.mark.parametrize("address", ["/inconnu", "/inconnu/pieces/0", "/..%2F..%2Fetc%2Fpasswd", "/inconnu/html",
                                     "/modeles/inconnu", "/modeles/inconnu/pieces/0"])
def test_what_does_not_exist_is_not_found(mails, address):
    assert mails.get(address).status_code == 404


def test_every_mail_is_shown_with_sample_facts(mails):
    page = mails.get("/modeles").text
    for name in {**mail.SAMPLES, **mail.LINKS}:
        assert f"/modeles/{name}" in page
    for name in mail.SAMPLES:
        assert "Sacha Petit" in mails.get(f"/modeles/{name}").text
