"""Walks in a real browser: the commune's field as its pattern wants it, and whole journeys with the keyboard alone."""
import re

import pytest
from playwright.sync_api import expect

from demo.samples import DOMAIN
from tests.browser import PHONE, needs_chromium
from tests.stack import Demo, reference_in
from tests.test_journeys import EXPECTED, Agent, Person, Voter

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walks")
    demo = Demo(folder, f"sqlite:///{folder / 'demo.db'}")
    yield demo
    demo.process.stop()


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


# --- With the keyboard alone ----------------------------------------------------------------------------------------

MOST_STEPS = 120  # from one end of a page to the other
FOCUSED = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const look = getComputedStyle(it), box = it.getBoundingClientRect();
  const x = box.x + box.width / 2, y = box.y + Math.min(box.height, innerHeight - box.y) / 2;
  const top = document.elementFromPoint(x, y);
  const labels = [...(it.labels || [])];
  return {
    name: (it.getAttribute("aria-label") || labels.map((label) => label.innerText).join(" ") || it.innerText
           || it.title || it.name || it.tagName).replace(/\\s+/g, " ").trim(),
    place: [...document.querySelectorAll("*")].indexOf(it),
    marked: look.outlineStyle !== "none" && parseFloat(look.outlineWidth) > 0 || look.boxShadow !== "none"
            || it.type === "date", // the browser marks its inner parts itself
    uncovered: !!top && (it.contains(top) || top.contains(it) || labels.some((label) => label.contains(top))),
    inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""


class Hands(Person):
    """Somebody without a mouse: Tab, arrows, Space, Enter and letters. Where the focus goes is checked at each step."""

    @property
    def focus(self):
        """What has the focus: its name and where it is; None on a page that just opened."""
        return self.page.evaluate(FOCUSED)

    def goes_to(self, name):
        """Tab until the focus is on what bears this name (a pattern)."""
        here, met = self.focus, []
        for _ in range(MOST_STEPS):
            before, here = here, self._steps()
            met.append(here["name"])
            if before and here["place"] < before["place"]:
                raise AssertionError(f"the focus goes back from {before['name']!r} to {here['name']!r}")
            if re.search(name, here["name"]):
                return here
        raise AssertionError(f"{name!r} is not reached: {met}")

    def _steps(self):
        self.page.keyboard.press("Tab")
        here = self.focus or self._round()
        if self.page.url.startswith(self.demo.url):
            assert here["marked"], f"the focus does not show on {here['name']!r}"
            assert here["inside"] and here["uncovered"], f"{here['name']!r} has the focus and is not to be seen"
        return here

    def _round(self):
        """After the last link the browser's own buttons have the focus, then the page again."""
        self.page.keyboard.press("Tab")
        assert self.focus, "the focus is nowhere"
        return self.focus

    def strikes(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def writes(self, name, text):
        if not (self.focus and re.search(name, self.focus["name"])):
            self.goes_to(name)
        self.page.keyboard.type(text)

    def enters(self, name):
        """Go to a link or a button and press Enter; the next page is there afterwards."""
        self.goes_to(name)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")


@pytest.fixture
def hands(browser, demo):
    hands = Hands(browser, demo)
    yield hands
    assert [text for text in hands.said if not EXPECTED.search(text)] == []
    hands.context.close()


@pytest.mark.parametrize("path", ["/", "/aide", "/statistiques"])
def test_the_first_step_leads_past_the_menu(hands, path):
    hands.opens(path)
    hands.goes_to("Aller au contenu")
    hands.strikes("Enter")
    assert hands.page.evaluate("document.activeElement.id") == "contenu"
    hands.goes_to("")
    assert hands.page.evaluate("!!document.activeElement.closest('main, footer')")


def test_a_voter_s_whole_journey(hands, demo):
    hands.opens("/")
    hands.enters("FranceConnect$")
    hands.page.wait_for_url(lambda url: not url.startswith(demo.url))  # by way of a page that goes on by itself
    hands.page.wait_for_load_state()
    hands.enters("DURAND|Durand")
    hands.page.wait_for_url(re.compile(f"^{demo.url}/"))
    if not hands.page.url.endswith("/demande"):
        hands.enters("Faire une procuration")

    hands.goes_to("Commune où vous votez")
    hands.strikes("Control+a")
    hands.page.keyboard.type("lyo")
    hands.page.locator("#commune-liste [role=option]").first.wait_for()
    hands.strikes("ArrowDown", "Enter")
    hands.writes("Son nom de naissance|^Nom de naissance", "Clavier")
    hands.writes("prénoms|Prénoms", "Sacha")
    hands.goes_to("Féminin")
    hands.strikes("Space")
    hands.writes("^Jour", "2")
    hands.writes("^Mois", "novembre")
    hands.writes("^Année", "1975")
    hands.writes("Commune où cette personne vote", "Lyon (69)")
    hands.goes_to("1er tour")
    hands.strikes("Space")
    hands.enters("Relire ma demande")

    # The declaration was forgotten: the summary has the focus, its link leads to the box, nothing typed is lost.
    assert hands.page.evaluate("!!document.activeElement.closest('#erreurs')")
    assert hands.page.title().startswith("Erreur")
    hands.goes_to("")
    hands.strikes("Enter")
    assert "Je déclare" in hands.focus["name"]
    hands.strikes("Space")
    expect(hands.page.locator("[name=mandataire-birth_name]")).to_have_value("Clavier")
    hands.enters("Relire ma demande")

    hands.enters("Modifier : Pour quand")
    hands.goes_to("2d tour")
    hands.strikes("Space")
    hands.enters("Relire ma demande")
    hands.enters("Envoyer ma demande")
    hands.sees("Votre demande est enregistrée")
    assert reference_in(hands.page.locator(".reference").inner_text())

    hands.enters("Retirer cette demande")
    hands.enters("^(Oui, r|R)etirer")
    hands.sees("Retirée")
    hands.page.reload()
    hands.enters("Se déconnecter")
    hands.page.wait_for_url(re.compile(rf"^{demo.url}/(\?.*)?$"))


def logs_in(hands, name):
    hands.opens("/connexion")
    hands.writes("Adresse|adresse|Courriel", f"{name}@{DOMAIN}")
    hands.writes("Mot de passe", hands.demo.password)
    hands.enters("Se connecter")
    hands.page.wait_for_url(re.compile("/admin/"))


def test_a_commune_s_decisions(hands):
    """Found by a name, validated; the next one invalidated with a reason, after the mail was seen."""
    logs_in(hands, "mairie")
    for decide in (validates, invalidates):
        hands.opens("/admin/procurations/")
        name = hands.page.locator("tbody tr", has_text="À vérifier").filter(
            has_not=hands.page.locator(".grid-warning")).locator("th strong").first.inner_text()
        hands.writes("^(Rechercher|Nom|Chercher)", name)
        with hands.page.expect_navigation():
            hands.strikes("Enter")
        hands.enters(f"^{re.escape(name)}")
        hands.sees("Vérifier, puis décider")
        decide(hands)


def validates(hands):
    hands.enters("^Valider")
    hands.sees(re.compile("validée", re.IGNORECASE))


def invalidates(hands):
    hands.enters("^Invalider")
    hands.goes_to("mandant n’est pas inscrit|Mandant non inscrit|^Le mandant")
    hands.strikes("Space")
    hands.writes("récision|ommentaire|Détail|xplication", "Introuvable sur la liste.")
    hands.enters("courriel")
    hands.sees("Introuvable sur la liste.")
    hands.enters("^Invalider")
    hands.sees(re.compile("invalidée", re.IGNORECASE))


# --- Without a script -----------------------------------------------------------------------------------------------

def test_without_a_script_an_error_is_mended_and_a_request_withdrawn(browser, demo):
    voter = Voter(browser, demo, PHONE, java_script_enabled=False)
    voter.logs_in("morvan")
    voter.opens("/demande")
    voter.types(**{"commune": "Lion", "mandataire-birth_name": "Sans-Script"})
    voter.presses("Relire ma demande")
    assert voter.page.title().startswith("Erreur")
    voter.page.locator("#erreurs a").first.click()
    assert voter.page.url.rpartition("#")[2], "each line of the summary leads to its field"
    expect(voter.page.locator("[name=mandataire-birth_name]")).to_have_value("Sans-Script")
    voter.asks()
    voter.follows("Retirer cette demande")
    voter.presses(re.compile("etirer"))
    voter.sees("Retirée")
    voter.leaves()


def test_without_a_script_an_officer_refuses(browser, demo):
    voter = Voter(browser, demo, java_script_enabled=False)
    voter.logs_in("bellerose")
    reference = voter.asks()
    officer = Agent(browser, demo, java_script_enabled=False)
    officer.logs_in("officier")
    officer.types(reference=reference)
    officer.presses("Ouvrir le dossier")
    officer.presses(re.compile("^Refuser"))
    officer.page.get_by_role("radio").first.check()
    officer.presses("Relire avant de refuser")
    officer.presses(re.compile("^Refuser"))
    officer.sees(re.compile("refusé", re.IGNORECASE))
    voter.opens("/mes-procurations")
    voter.sees(re.compile("^Refusée"))
    for person in (voter, officer):
        person.leaves()


def test_without_a_script_a_commune_filters_and_decides_on_several(browser, demo):
    agent = Agent(browser, demo, java_script_enabled=False)
    agent.logs_in("mairie")
    agent.opens("/admin/procurations/")
    agent.page.locator("select[name^=flt_]").first.select_option(index=1)
    agent.presses("Filtrer")
    agent.follows(re.compile("retirer ce filtre"))
    agent.follows(re.compile("À vérifier"))
    for box in agent.page.locator("tbody input[type=checkbox]").all()[:2]:
        box.check()
    agent.presses(re.compile("Valider la sélection"))
    agent.presses(re.compile("^Valider"))
    agent.sees(re.compile("compte rendu"))
    agent.leaves()
