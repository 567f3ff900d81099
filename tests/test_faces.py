"""Each screen, as everybody may meet it: on a phone and on a screen, in light and in dark, by eye and by ear.

The list is `tests/screens.py`. A page is loaded once, then looked at in each way.
"""
import re
from importlib.resources import files
from types import SimpleNamespace

import pytest

from portal.mail import SAMPLES
from tests import validator
from tests.browser import PHONE, SCREEN, needs_chromium
from tests.screens import ERROR, HARD_SCREENS, MAILS, PUBLIC, SCREENS, Screen, address, opened
from tests.world import World

pytestmark = needs_chromium
SETTLED = "document.getAnimations().forEach(change => change.finish())"     # colours go over slowly
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
NARROW = {"width": 320, "height": 640}          # WCAG 1.4.10
HEAVIEST = 60_000                               # bytes of a public page with all it needs, nothing cached
WIDEST = """[...document.querySelectorAll("body *")].reverse().find(
    part => part.getBoundingClientRect().right >= document.documentElement.scrollWidth)?.outerHTML.slice(0, 300)"""
REFUSED = re.compile("status of [45]")          # the browser says of each error page that it is one
EVERY_RULE = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]}
WAYS = (("phone, light", PHONE, "light", EVERY_RULE), ("screen, dark", SCREEN, "dark", COLOURS))
OTHER_WAYS = (("screen, dark", SCREEN, "dark", EVERY_RULE), ("phone, dark", PHONE, "dark", COLOURS),
              ("screen, light", SCREEN, "light", COLOURS))
# The screens of others with other words: once is enough.
ALIKE = {*ERROR[1:], *HARD_SCREENS, *MAILS[len(SAMPLES):]}
NO_FACE = {  # addresses that answer with something else than a page, and those that only lead on
    "static", "pages.communes", "pages.sante", "pages.session", "pages.calendrier", "pages.recepisse_pdf",
    "procurations.export", "pages.activation", "pages.cles", "pages.suite_de_deconnexion",
    "pages.cle", "pages.cle_en_second", "pages.defi", "pages.defi_de_preuve", "cles.index", "cles.defi",
    "pages.mes_donnees_json", "pages.resiliation_pdf", "registre.export", "silences.export_view", "imports.rapport"}
NOWHERE = ("/nulle-part", "/admin/nulle-part", "/deconnexion")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def shown(browser, world):
    """Opens a screen; its browser is closed with the test."""
    pages = []

    def show(screen, **options):
        pages.append(opened(browser, world, screen, **options))
        return pages[-1]
    yield show
    for page in pages:
        page.context.close()


def named(screens):
    return pytest.mark.parametrize("screen", screens, ids=[screen.name for screen in screens])


@named(SCREENS)
def test_a_screen_is_for_everybody(world, shown, screen):
    page = shown(screen, viewport=PHONE)
    found = [*what_the_browser_said(page), *strangers(page, world), *html(page, screen), *broad(page)]
    found += seen(page, WAYS[:1] if screen in ALIKE else WAYS)
    assert not found, "\n".join(found)


@pytest.mark.long
@named([screen for screen in SCREENS if screen not in ALIKE])
def test_colours_are_for_everybody_in_the_other_ways_too(shown, screen):
    found = seen(shown(screen), OTHER_WAYS)
    assert not found, "\n".join(found)


def seen(page, ways):
    """What axe finds in each of `ways`: a window, a scheme of colours, rules."""
    load_axe(page)
    found = []
    for name, viewport, scheme, options in ways:
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme)
        found += [f"{name}: {violation}" for violation in violations(page, options)]
    return found


def what_the_browser_said(page):
    return [f"console: {text}" for text in page.said if not REFUSED.search(text)]


def strangers(page, world):
    """Addresses asked for outside the product."""
    ours = (world.url, world.standin, "data:")
    return [f"asked of a stranger: {address}" for address in page.asked if not address.startswith(ours)]


def html(page, screen):
    """Mails keep attributes of another time: one widespread reader knows no better."""
    faults = validator.faults_of(page.received[-1].text()).result()
    return [f"HTML: {fault}" for fault in faults if not (screen in MAILS and "no-deprecated-attr" in fault)]


def broad(page):
    """What sticks out of a window of 320 pixels."""
    page.set_viewport_size(NARROW)
    width = page.evaluate("document.documentElement.scrollWidth")
    return [f"{width} px wide in a window of 320: {page.evaluate(WIDEST)}"] if width > NARROW["width"] else []


def load_axe(page):
    """By the debugger's door, which the content security policy does not shut."""
    page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": AXE})


def violations(page, options):
    page.evaluate(SETTLED)
    report = page.evaluate("options => axe.run(document, options)", options)
    return [f"{violation['id']} ({violation['help']}): {', '.join(node['target'][0] for node in violation['nodes'])}"
            for violation in report["violations"]]


@named([screen for screen in PUBLIC if not screen.steps])
def test_a_public_page_is_light(browser, world, screen):
    """As it is sent the first time, headers and all."""
    context = browser.new_context(viewport=PHONE)
    if screen.who:
        context.add_cookies([world.cookie(**screen.who(world))])
    page, sizes = context.new_page(), []
    network = context.new_cdp_session(page)
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    network.send("Network.enable")
    page.goto(address(world, screen), wait_until="networkidle")
    context.close()
    assert 0 < sum(sizes) < HEAVIEST


def test_every_page_has_its_face(world):
    """A new page wants its line in tests/screens.py."""
    assert faceless(world, SCREENS) == set()


def faceless(world, screens):
    """Endpoints that answer to GET and are where no screen begins."""
    portal = [screen for screen in screens if "{w.standin}" not in screen.path]
    seen = {world.endpoint(screen.path.format(w=world)) for screen in portal if screen.path not in NOWHERE}
    rules = {rule.endpoint for rule in world.app.url_map.iter_rules() if "GET" in rule.methods}
    return rules - seen - NO_FACE


def test_a_page_without_a_face_is_caught(world):
    assert faceless(world, [screen for screen in SCREENS if screen.path != "/aide"]) == {"pages.aide"}


@pytest.mark.parametrize("script, said", [
    ("document.title = ''", "document-title"), ("document.body.style.width = '400px'", "400 px wide"),
    ("console.log('perdu')", "console: perdu"),
    ("document.querySelector('h1').style.color = '#888'", "color-contrast")])
def test_a_screen_that_is_not_for_everybody_is_caught(world, shown, script, said):
    with pytest.raises(AssertionError, match=said):
        test_a_screen_is_for_everybody(world, shown, Screen("fautif", "/", None, (
            lambda page, world: page.evaluate(script),)))


def test_a_stranger_is_caught(world):
    asked = SimpleNamespace(asked=[world.url, "https://example.org/fonte.woff2"])
    assert strangers(asked, world) == ["asked of a stranger: https://example.org/fonte.woff2"]
