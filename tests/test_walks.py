"""Walks in a real browser: the commune's field as its pattern wants it, and whole journeys with the keyboard alone."""
import re

import pytest
from playwright.sync_api import expect

from tests.browser import PHONE, SCREEN, chromium, needs_chromium
from tests.stack import Demo
from tests.test_journeys import Agent, Voter

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walks")
    demo = Demo(folder, f"sqlite:///{folder / 'demo.db'}")
    yield demo
    demo.process.stop()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


# --- The commune's field --------------------------------------------------------------------------------------------

class Field:
    """The combobox of the request's form, as its user and a screen reader meet it."""

    def __init__(self, voter):
        self.page = voter.page
        self.input = self.page.locator("[name=commune]")
        self.list = self.page.locator("#commune-liste")
        self.options = self.list.get_by_role("option")
        self.status = self.page.locator("#commune-liste + [role=status]")

    def types(self, text):
        """Letter by letter, as people do; the list is there afterwards."""
        self.input.fill("")
        self.input.press_sequentially(text)
        self.is_open()

    def presses(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def is_open(self):
        expect(self.input).to_have_attribute("aria-expanded", "true")
        expect(self.list).to_be_visible()

    def is_closed(self):
        expect(self.input).to_have_attribute("aria-expanded", "false")
        expect(self.list).to_be_hidden()
        assert self.pointed is None

    def holds(self, text):
        expect(self.input).to_have_value(text)

    @property
    def pointed(self):
        """The text of the option read aloud, or None."""
        pointed = self.input.get_attribute("aria-activedescendant")
        return pointed and self.page.locator(f"#{pointed}[aria-selected=true]").get_attribute("data-label")

    @property
    def caret(self):
        return self.input.evaluate("field => field.selectionStart")


@pytest.fixture(scope="module")
def voter(browser, demo):
    voter = Voter(browser, demo)
    voter.logs_in("durand")
    yield voter
    voter.leaves()


@pytest.fixture
def field(voter):
    voter.opens("/demande")
    voter.page.locator("[name=commune]").fill("")
    return Field(voter)


def test_its_parts_are_named_as_the_pattern_wants(field):
    for name, value in {"role": "combobox", "aria-autocomplete": "list", "aria-controls": "commune-liste",
                        "aria-expanded": "false", "autocomplete": "off"}.items():
        expect(field.input).to_have_attribute(name, value)
    expect(field.list).to_have_attribute("role", "listbox")
    expect(field.list).to_have_attribute("aria-label", "Communes")
    field.types("lyon")
    assert field.options.count() == 7
    expect(field.status).to_have_text("7 communes proposées")
    assert field.pointed is None, "nothing is chosen for the reader"


def test_arrows_go_round_and_escape_closes_then_clears(field):
    field.types("lyon")
    field.presses("ArrowDown")
    assert field.pointed == "Lyon (69)"
    field.presses("ArrowUp")
    assert field.pointed == "Beauficel-en-Lyons (27)"
    field.presses("ArrowDown", "ArrowDown")
    assert field.pointed == "Lyons-la-Forêt (27)"
    field.presses("Escape")
    field.is_closed()
    field.holds("lyon")
    field.presses("Escape")
    field.holds("")


def test_an_arrow_opens_the_list_again(field):
    field.types("lyon")
    field.presses("Escape", "ArrowDown")
    field.is_open()
    expect(field.input).to_have_attribute("aria-activedescendant", "commune-liste-0")
    field.presses("Escape", "Alt+ArrowDown")
    field.is_open()
    assert field.pointed is None


def test_home_end_and_letters_go_back_to_the_text(field):
    field.types("lyon")
    field.presses("ArrowDown", "Home")
    assert (field.pointed, field.caret) == (None, 0)
    field.presses("ArrowDown", "End")
    assert (field.pointed, field.caret) == (None, 4)
    field.presses("ArrowDown", "s")
    field.holds("lyons")
    assert field.pointed is None


def test_enter_chooses_and_does_not_send_the_form(field):
    field.types("sainte-colombe")
    assert field.options.count() == 12
    field.presses("ArrowDown", "Enter")
    field.is_closed()
    field.holds("Sainte-Colombe (69)")
    expect(field.status).to_have_text("Commune choisie : Sainte-Colombe (69)")
    expect(field.input).to_be_focused()
    assert field.page.url.endswith("/demande") and field.page.locator("#erreurs").count() == 0


def test_tab_leaves_what_was_typed(field):
    field.types("lyon")
    field.presses("ArrowDown", "Tab")
    field.is_closed()
    field.holds("lyon")
    expect(field.input).not_to_be_focused()


def test_a_click_chooses_and_the_focus_stays(field):
    field.types("epinay")
    expect(field.options.nth(6)).to_contain_text("Mesnil-en-Ouche (27)")
    expect(field.options.nth(6)).to_contain_text("Épinay")  # what the old name became
    field.options.nth(6).click()
    field.holds("Mesnil-en-Ouche (27)")
    expect(field.input).to_be_focused()
    field.is_closed()


def test_text_changed_after_a_choice_is_what_counts(voter, field):
    field.types("lyon")
    field.presses("ArrowDown", "Enter")
    field.input.fill("Sainte-Colombe")
    voter.presses("Relire ma demande")
    expect(field.page.get_by_text("Laquelle ?").first).to_be_visible()
    field.holds("Sainte-Colombe")


def test_an_answer_that_comes_late_is_not_shown(field):
    def late(route):
        if route.request.url.endswith("q=ly"):
            field.page.wait_for_timeout(700)
        route.continue_()
    field.page.route("**/communes?*", late)
    field.input.press_sequentially("ly")
    field.page.wait_for_timeout(300)
    field.input.press_sequentially("ons")
    expect(field.options.first).to_have_text("Lyons-la-Forêt (27)")
    field.page.wait_for_timeout(800)
    expect(field.options.first).to_have_text("Lyons-la-Forêt (27)")
    field.page.unroute("**/communes?*")


def test_keys_in_a_row_ask_once(field):
    asked = []
    field.page.on("request", lambda request: "/communes?" in request.url and asked.append(request.url))
    field.input.press_sequentially("marseille", delay=20)
    field.is_open()
    assert len(asked) == 1


@pytest.mark.parametrize("fault", ["abort", "429"])
def test_without_the_network_the_plain_field_works(browser, demo, fault):
    voter = Voter(browser, demo)
    voter.logs_in("traore")
    voter.opens("/demande")
    field = Field(voter)
    voter.page.route("**/communes?*", lambda route: route.abort() if fault == "abort" else route.fulfill(status=429))
    field.input.fill("")
    field.input.press_sequentially("lyon")
    voter.page.wait_for_timeout(400)
    field.is_closed()
    expect(field.status).to_have_text("")
    field.presses("Escape")
    field.input.fill("lyon")
    voter.presses("Relire ma demande")
    expect(voter.page.locator("[name=commune]")).to_have_value("Lyon (69)")  # the server's own word for it
    voter.context.close()


def test_on_a_phone_the_list_is_above_the_keyboard(browser, demo):
    with_keyboard = {"width": PHONE["width"], "height": 420}  # what a phone's keyboard leaves
    voter = Voter(browser, demo, with_keyboard, has_touch=True, is_mobile=True)
    voter.logs_in("wamenou")
    voter.opens("/demande")
    field = Field(voter)
    field.input.tap()
    field.types("saint")
    box = field.list.bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= with_keyboard["height"] + 1
    label = field.page.locator("label[for=commune]").bounding_box()
    assert label["y"] >= 0
    assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
    assert all(option.bounding_box()["height"] >= 40 for option in field.options.all()[:3])
    field.options.nth(1).tap()
    field.holds("Saint-Denis (974)")
    voter.leaves()


@pytest.mark.parametrize("look", [{"color_scheme": "dark"}, {"forced_colors": "active"}, {"color_scheme": "light"}])
def test_the_chosen_line_is_seen_in_every_look(browser, demo, look):
    voter = Voter(browser, demo, **look)
    voter.logs_in("durand")
    voter.opens("/demande")
    field = Field(voter)
    field.types("lyon")
    field.presses("ArrowDown")
    chosen, other = (field.options.nth(place).evaluate(
        "line => { const s = getComputedStyle(line); return s.backgroundColor + s.outlineStyle + s.outlineWidth }")
        for place in (0, 1))
    assert chosen != other
    voter.leaves()
