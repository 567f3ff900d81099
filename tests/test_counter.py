"""The counter by keyboard, in a real browser: how many keys and pages from a reference to the next one."""
import re

import pytest
from playwright.sync_api import expect

from models import Status
from tests.browser import PHONE, needs_chromium
from tests.factories import a_mandataire, fresh
from tests.world import World

pytestmark = needs_chromium
DESK = {"width": 1280, "height": 720}
EXPECTED = re.compile("status of 4")  # the browser says of each refused form that it was refused
FEWEST = 6 + 1 + 3 + 1                # a reference, Enter, three ticks, Enter
WITHOUT_SCRIPT = 6 + 1 + 6 + 1        # Tab and Space for each tick
PAGES = 3                             # the file, the act, and where it leads


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("world")) as world:
        yield world


class Keyboard:
    """An officer without a mouse: every key and every page is counted."""

    def __init__(self, browser, world, viewport=DESK, **options):
        self.context = browser.new_context(viewport=viewport, **options)
        self.context.add_cookies([world.cookie(agent=world.new_officer())])
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)  # several browsers share the machine
        self.said, self.keys, self.pages = [], 0, 0
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("request", self.counts)
        self.page.goto(f"{world.url}/admin/guichet/")
        self.starts()

    def counts(self, request):
        self.pages += request.is_navigation_request()

    def starts(self):
        self.keys = self.pages = 0

    def presses(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
        self.keys += len(keys)

    def goes_on(self, *keys):
        """Press keys of which the last one opens a page."""
        with self.page.expect_navigation():
            self.presses(*keys)

    def looks_up(self, file):
        self.goes_on(*file.reference.code, "Enter")
        self.page.locator(":focus").wait_for()  # keys before the page has given the focus would go nowhere

    def sees(self, text):
        self.page.get_by_text(text).first.wait_for()

    def ticked(self):
        return [box.is_checked() for box in self.page.get_by_role("checkbox").all()]

    @property
    def focused(self):
        return self.page.evaluate("document.activeElement.id || document.activeElement.getAttribute('aria-label')")

    def bottom(self, selector):
        box = self.page.locator(selector).bounding_box()
        return box["y"] + box["height"]


@pytest.fixture
def officer(browser, world, request):
    officer = Keyboard(browser, world, **getattr(request, "param", {}))
    yield officer
    assert [text for text in officer.said if not EXPECTED.search(text)] == []
    officer.context.close()


def test_from_a_reference_to_the_next_in_eleven_keys_and_three_pages(world, officer):
    for file in (world.file(), world.file()):
        officer.starts()
        assert officer.focused == "reference"
        officer.looks_up(file)
        assert officer.focused == "Identité du mandant"
        officer.presses("1", "2", "3")
        officer.goes_on("Enter")
        officer.sees("Procuration établie")
        assert (officer.keys, officer.pages) == (FEWEST, PAGES)
        assert fresh(file).status == Status.ETABLIE


@pytest.mark.parametrize("officer", [{"java_script_enabled": False}], indirect=True, ids=["no-javascript"])
def test_without_javascript_it_takes_three_keys_more(world, officer):
    file = world.file()
    officer.looks_up(file)
    officer.presses(*("Tab", "Space") * 3)
    officer.goes_on("Enter")
    officer.sees("Procuration établie")
    assert (officer.keys, officer.pages) == (WITHOUT_SCRIPT, PAGES)
    assert fresh(file).status == Status.ETABLIE


def test_a_tick_by_its_key_has_the_focus_and_is_taken_back_by_the_same(world, officer):
    officer.looks_up(world.file())
    officer.presses("2")
    assert (officer.ticked(), officer.focused) == ([False, True, False], "identity")
    officer.presses("2", "Numpad1")
    assert (officer.ticked(), officer.focused) == ([True, False, False], "document")


def test_a_french_keyboard_needs_no_shift(world, officer):
    officer.looks_up(world.file())
    officer.page.locator("[data-file] section").first.evaluate(
        "part => part.dispatchEvent(new KeyboardEvent('keydown', {key: 'é', code: 'Digit2', bubbles: true}))")
    assert officer.ticked() == [False, True, False]


def test_outside_the_file_the_keys_do_nothing(world, officer):
    officer.looks_up(world.file())
    officer.page.locator("header a").first.focus()
    officer.presses("1", "2", "3")
    assert officer.ticked() == [False] * 3


def test_after_a_forgotten_tick_the_keys_go_on(world, officer):
    file = world.file()
    officer.looks_up(file)
    officer.presses("1")
    officer.goes_on("Enter")
    assert officer.focused == "erreurs" and officer.ticked() == [True, False, False]
    officer.presses("2", "3")
    officer.goes_on("Enter")
    officer.sees("Procuration établie")


def test_a_reference_scanned_over_an_open_file_establishes_nothing(world, officer):
    file = world.file()
    officer.looks_up(file)
    officer.goes_on(*"23BCDF", "Enter")
    assert officer.focused == "erreurs" and officer.ticked() == [False, True, True]
    assert fresh(file).status == Status.DEPOSEE


def test_what_was_mistyped_is_replaced_by_typing(world, officer):
    officer.goes_on(*"ZZZZZZ", "Enter")
    officer.sees("Référence inconnue")
    file = world.file()
    officer.looks_up(file)
    officer.sees("Vérifier l’identité")


def test_a_whole_reference_is_said_one_character_at_a_time(officer):
    officer.presses(*"b7k 2m")
    said = officer.page.locator("[data-spelled]")
    assert said.inner_text() == ""
    officer.presses("x")
    expect(said).to_have_text("B, 7, K, 2, M, X")


def test_the_time_left_is_shown_said_and_ends(browser, world):
    officer = Keyboard(browser, world)
    officer.page.clock.install()
    officer.looks_up(world.file())
    officer.sees("encore 15 minutes")
    officer.page.clock.fast_forward("05:30")
    officer.sees("encore 10 minutes")
    officer.page.clock.run_for("07:40")
    officer.sees("Le dossier se referme dans deux minutes.")
    officer.page.clock.fast_forward("02:00")
    officer.sees("Ce dossier s’est refermé")
    officer.context.close()


def test_a_file_fits_a_desk_without_scrolling(world, officer):
    officer.looks_up(world.file(voter=world.new_voter(birth_name="MAQUETTE-SPÉCIMEN")))  # gave no vote yet
    for part in (".counter__identity", ".counter__gives", ".counter__decision"):
        assert officer.bottom(part) <= DESK["height"], part


@pytest.mark.parametrize("officer", [{"viewport": PHONE}, {"viewport": {"width": 768, "height": 1024}}], indirect=True,
                         ids=["phone", "tablet"])
def test_the_act_is_under_the_thumb(world, officer):
    namesake = a_mandataire(birth_name="LEFÈVRE-SPÉCIMEN", first_names="Camille", commune=world.lyon)
    officer.looks_up(world.file(mandataire=namesake))
    assert officer.bottom(".counter__act") == pytest.approx(officer.page.viewport_size["height"], abs=1)
