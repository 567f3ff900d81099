"""The main job, seen in a real browser on the whole demonstration: from FranceConnect to the commune's decision.

With JavaScript and without, on SQLite and on PostgreSQL; what the browser says on its console fails the test.
"""
import itertools
import re

import psutil
import psycopg
import pytest

from demo.samples import DOMAIN
from tests.browser import PHONE, SCREEN, needs_chromium
from tests.postgresql import named
from tests.stack import Demo, reference_in

pytestmark = needs_chromium
MANDATAIRES = itertools.count(1)  # each holds one place only
EXPECTED = re.compile("status of 422")  # the browser says of each refused form that it was refused


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def demo(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"demo-{request.param}")
    url = f"sqlite:///{folder / 'demo.db'}"
    if request.param == "postgresql":
        uri = request.getfixturevalue("postgresql_server")
        with psycopg.connect(uri, autocommit=True) as admin:
            admin.execute("CREATE DATABASE demo")
        url = named(uri, "demo")
    demo = Demo(folder, url)
    yield demo
    demo.process.stop()


class Person:
    """Somebody before a browser of their own."""

    def __init__(self, browser, demo, viewport=SCREEN, **options):
        self.demo = demo
        self.context = browser.new_context(viewport=viewport, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.said = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def opens(self, path):
        self.page.goto(f"{self.demo.url}{path}")

    def presses(self, name):
        self.page.get_by_role("button", name=name).first.click()

    def follows(self, name):
        self.page.get_by_role("link", name=name).first.click()

    def types(self, **values):
        for name, value in values.items():
            self.page.locator(f"[name='{name}']").fill(value)

    def ticks(self, label):
        self.page.get_by_label(label).check()

    def sees(self, text):
        self.page.get_by_text(text).first.wait_for()

    def leaves(self):
        assert [text for text in self.said if not EXPECTED.search(text)] == []
        self.context.close()


class Voter(Person):
    def logs_in(self, login):
        self.opens("/")
        self.presses(re.compile("FranceConnect"))
        self.page.locator(f"button[value='{login}']").click()
        self.page.wait_for_url(re.compile(f"^{self.demo.url}/"))

    def asks(self):
        """Files a request; returns its reference as the page shows it."""
        self.opens("/demande")
        self.types(**{
            "commune": "Lyon (69)", "mandataire-birth_name": f"Petit-{'abcdefgh'[next(MANDATAIRES) % 8]}",
            "mandataire-first_names": "Sacha Dominique", "mandataire-birth_date-day": "2",
            "mandataire-birth_date-month": "novembre", "mandataire-birth_date-year": "1975",
            "mandataire-registered_in": "Sainte-Colombe"})
        self.ticks("Masculin")
        self.ticks(re.compile(r"1er\stour"))
        self.ticks(re.compile("Je déclare"))
        self.presses("Relire ma demande")
        self.page.get_by_label(re.compile(r"Sainte-Colombe \(69\)")).check()  # several bear the name
        self.presses("Relire ma demande")
        self.presses(re.compile("Déposer|Envoyer"))
        self.sees("Votre demande est enregistrée")
        return self.page.locator(".reference span").first.inner_text()


class Agent(Person):
    def logs_in(self, name):
        self.opens("/connexion")
        self.types(email=f"{name}@{DOMAIN}", password=self.demo.password)
        self.presses("Se connecter")
        self.page.wait_for_url(re.compile("/admin/"))

    def establishes(self, reference):
        self.types(reference=reference.lower())
        self.presses("Ouvrir le dossier")
        for point in self.page.get_by_role("checkbox").all():
            point.check()
        self.presses("Établir la procuration")
        self.sees("Procuration établie")

    def finds(self, start_of_a_name):
        self.types(words=start_of_a_name)
        with self.page.expect_navigation():  # the whole grid has the link too
            self.presses("Rechercher")
        with self.page.expect_navigation():
            self.page.locator("tbody").get_by_role("link", name=re.compile(start_of_a_name, re.I)).first.click()


@pytest.mark.parametrize("javascript, login, name, address, viewport", [
    (True, "durand", "DURAND", "camille.durand@example.org", PHONE),
    (False, "orvallon", "AUBÉPINE", "g.orvallon@example.org", SCREEN),
], ids=["javascript", "no-javascript"])
def test_from_franceconnect_to_the_commune_s_decision(browser, demo, javascript, login, name, address, viewport):
    voter = Voter(browser, demo, viewport, java_script_enabled=javascript)
    voter.logs_in(login)
    reference = voter.asks()
    assert reference_in(demo.mail(address, "enregistrée")) == reference

    officer = Agent(browser, demo, java_script_enabled=javascript)
    officer.logs_in("officier")
    officer.establishes(reference)
    assert "brigadier-chef" in demo.mail(address, "établie")

    town_hall = Agent(browser, demo, java_script_enabled=javascript)
    town_hall.logs_in("mairie")
    town_hall.finds(name[:5])
    town_hall.presses(re.compile("^Valider$"))
    town_hall.sees(re.compile("validée", re.IGNORECASE))
    assert "bureau de vote" in demo.mail(address, "validée")

    voter.opens("/mes-procurations")
    voter.sees("Validée")
    voter.presses("Se déconnecter")
    voter.page.wait_for_url(re.compile(rf"^{demo.url}/(\?state=.*)?$"))  # by way of FranceConnect's own log-out
    voter.opens("/mes-procurations")
    voter.page.get_by_role("button", name=re.compile("FranceConnect")).wait_for()
    for person in (voter, officer, town_hall):
        person.leaves()


def test_a_commune_invalidates_with_a_reason_after_seeing_the_mail(browser, demo):
    voter = Voter(browser, demo)
    voter.logs_in("wamenou")
    reference = voter.asks()
    officer = Agent(browser, demo)
    officer.logs_in("officier")
    officer.establishes(reference)
    town_hall = Agent(browser, demo)
    town_hall.logs_in("mairie")
    town_hall.finds("WAM")
    town_hall.follows(re.compile("Invalider"))
    town_hall.page.get_by_label(re.compile("mandant n’est pas inscrit|Mandant non inscrit", re.IGNORECASE)).check()
    town_hall.types(comment="Introuvable sur la liste de Lyon.")
    town_hall.presses(re.compile("Voir le courriel"))
    town_hall.sees("Introuvable sur la liste de Lyon.")
    town_hall.presses(re.compile("^Invalider"))
    assert "Introuvable sur la liste de Lyon." in demo.mail("jb.wamenou@example.org", "pas valable")
    for person in (voter, officer, town_hall):
        person.leaves()


def test_a_request_withdrawn_cannot_be_established(browser, demo):
    voter = Voter(browser, demo, PHONE)
    voter.logs_in("traore")
    reference = voter.asks()
    voter.opens("/mes-procurations")
    voter.follows("Retirer la demande")
    voter.presses(re.compile("Retirer"))
    voter.sees("Retirée")
    officer = Agent(browser, demo)
    officer.logs_in("officier")
    officer.types(reference=reference)
    officer.presses("Ouvrir le dossier")
    officer.sees(re.compile("retiré"))
    voter.leaves()
    officer.context.close()


def test_the_portal_stays_light(demo):
    """After the journeys above: less than 150 MB (issue 2)."""
    portal = next(child for child in psutil.Process(demo.process.child.pid).children() if "waitress" in child.cmdline())
    assert portal.memory_info().rss < 150 * 1024 ** 2
