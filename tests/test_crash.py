"""Processes killed in the middle of the work: nothing accepted is lost, nothing is done twice."""
import contextlib
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from models import Event, Mail, Passage, Procuration, Reference, WebSession, database, now
from portal import journal, single_use
from tests.factories import a_commune, a_scrutin, a_voter
from tests.smtp import MailServer
from tests.stack import Process, free_ports

SUBMISSIONS = 200
VOTERS = 100        # two files each: who files more than five an hour is asked to wait
CRASH_AFTER = (20, 80, 140)  # submissions accepted
PATIENCE = 120  # seconds


@pytest.fixture
def voters(app):
    """Cookies of voters who are logged in, as the portal would have set them."""
    return [_cookie(app, a_voter(email=_address(number))) for number in range(VOTERS)]


def _cookie(app, voter):
    token = secrets.token_urlsafe(32)
    WebSession.create(token_hash=single_use.digest(token), voter=voter, login=secrets.token_hex(32))
    value = app.session_interface.get_signing_serializer(app).dumps({"_user_id": token, "_fresh": True})
    return app.config["SESSION_COOKIE_NAME"], value


class Portal:
    """Portal and worker on the test's database, which can be killed and started again."""

    def __init__(self, folder, settings, mail_url):
        self.folder, self.port = folder, free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = {"database_url": settings.database_url, "secret_key": settings.secret_key,
                         "journal_key": settings.journal_key, "base_url": self.url, "mail_url": mail_url,
                         "franceconnect_client_secret": settings.franceconnect_client_secret}
        self.start_web()
        self.start_worker()

    def start_web(self):
        self.web = Process(self.folder, "-m", "waitress", "--host=127.0.0.1", f"--port={self.port}", "--threads=8",
                           "--call", "app:create_app", **self.settings)
        self.web.await_answer(f"{self.url}/aide")

    def start_worker(self):
        self.worker = Process(self.folder, "-m", "flask", "worker", **self.settings)

    def crash(self):
        """SIGKILL both, then start both again."""
        self.web.kill()
        self.worker.kill()
        self.start_web()
        self.start_worker()

    def stop(self):
        self.web.stop()
        self.worker.stop()


def submit(url, cookie, tour, number):
    """File one request, insisting with the same form until it is accepted. Returns the address it leads to."""
    form = None
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        with contextlib.suppress(requests.RequestException):
            client = requests.Session()
            client.cookies.set(*cookie, domain="127.0.0.1")
            page = client.get(f"{url}/demande", timeout=10)
            form = form or {"key": _hidden("key", page.text), **_fields(tour, number)}
            answer = client.post(f"{url}/demande", {**form, "csrf_token": _hidden("csrf_token", page.text)},
                                 timeout=20, allow_redirects=False)
            assert answer.status_code in (303, 503), answer.text
            if answer.status_code == 303:
                return answer.headers["Location"]
        time.sleep(0.2)
    raise AssertionError(f"request {number} was never accepted")


def _hidden(name, html):
    return re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]+)"', html)[1]


def _address(number):
    return f"mandant{number % VOTERS}@exemple.fr"


def _fields(tour, number):
    return {"email": _address(number), "commune": "Lyon (69)", "mandataire-birth_name": "Petit",
            "mandataire-first_names": "Sacha", "mandataire-sex": "M", "mandataire-birth_date-day": "2",
            "mandataire-birth_date-month": "11", "mandataire-birth_date-year": "1975",
            "mandataire-registered_in": "Lyon (69)", "tours": str(tour.id), "declaration": "y", "confirmer": "1"}


def test_killed_in_the_middle_of_200_submissions(app, settings, voters, tmp_path):
    a_commune()
    tour = a_scrutin().tours.first()
    server = MailServer().start()
    portal = Portal(tmp_path, settings, server.url)
    try:
        accepted = _submit_all_while_crashing(portal, voters, tour)
        Mail.update(lease_until=now()).where(Mail.state == "sending").execute()  # two minutes later
        _await(lambda: len(server.received) >= SUBMISSIONS and len(set(server.ids)) == SUBMISSIONS)
    finally:
        portal.stop()
        server.stop()
    assert len(set(accepted)) == SUBMISSIONS
    _each_has_exactly_one_of_everything()
    assert {mail["To"] for mail in server.received} == {_address(number) for number in range(VOTERS)}
    _await(lambda: journal.seal() == 0)
    assert journal.verify() is None


def _submit_all_while_crashing(portal, voters, tour):
    with ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(submit, portal.url, voters[number % VOTERS], tour, number)
                   for number in range(SUBMISSIONS)]
        for accepted in CRASH_AFTER:
            _await(lambda: sum(answer.done() for answer in answers) >= accepted)
            assert not all(answer.done() for answer in answers), "too late to crash in the middle"
            portal.crash()
        return [answer.result() for answer in answers]


def _await(condition):
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.05)


def _each_has_exactly_one_of_everything():
    files = {row.id for row in Procuration.select(Procuration.id)}
    assert len(files) == SUBMISSIONS
    for rows in (Passage.select(Passage.procuration), Reference.select(Reference.procuration),
                 Mail.select(Mail.procuration)):
        assert sorted(file for file, in rows.tuples()) == sorted(files)
    deposits = Event.select(Event.subjects).where(Event.act == "deposer").tuples()
    assert sorted(int(subject) for subject, in deposits) == sorted(files)
    assert not database.in_transaction()
