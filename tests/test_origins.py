"""Log-in and log-out as they really go in Chromium: the portal, FranceConnect, an identity provider, three origins.

Chromium holds the portal's `form-action 'self'` against every redirect that a posted form leads to, so the portal's
own forms must lead to a page, and that page on.
"""
import re
from urllib.parse import urlsplit

import pytest
from flask import redirect, request

from demo.franceconnect import create_provider
from demo.identity_provider import create_identity_provider
from models import Voter
from tests.browser import PHONE, needs_chromium
from tests.world import SECRET, World, _listening

pytestmark = needs_chromium
NEWCOMERS = iter(("orvallon", "wamenou"))       # nobody else logs in as them here


class ThreeOrigins(World):
    """FranceConnect sends people to somebody else to say who they are: another host, and another port."""

    def _provider(self):
        listening = _listening()
        self.identity_provider = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self._serve(create_identity_provider(self.standin, [self.url]), listening)
        return create_provider(self.standin, self.settings.franceconnect_client_id, SECRET,
                               [f"{self.url}/franceconnect/retour"], [f"{self.url}/"],
                               identity_provider=self.identity_provider)

    def _plus(self):
        listening = _listening()
        self.card_reader = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self._serve(create_identity_provider(f"{self.standin}/plus", [self.url]), listening)
        return super()._plus(identity_provider=self.card_reader)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with ThreeOrigins(tmp_path_factory.mktemp("origins")) as world:
        yield world


@pytest.fixture(params=[True, False], ids=["javascript", "no-javascript"])
def page(browser, request):
    context = browser.new_context(viewport=PHONE, java_script_enabled=request.param)
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.said, page.passed = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("response", lambda answer: page.passed.append(answer.url)
            if answer.request.is_navigation_request() else None)
    yield page
    context.close()


def origins(page):
    """Those the browser passed through, in order."""
    passed = ["{0.scheme}://{0.netloc}".format(urlsplit(url)) for url in page.passed]
    return [origin for origin, before in zip(passed, [None, *passed]) if origin != before]


def leaves_for_franceconnect(page, world):
    page.goto(world.url)
    page.passed.clear()
    page.get_by_role("button", name=re.compile("FranceConnect")).first.click()


def logs_in(page, world, login="durand"):
    leaves_for_franceconnect(page, world)
    page.wait_for_url(f"{world.identity_provider}/**")
    page.locator(f"button[value='{login}']").click()
    page.wait_for_url(f"{world.url}/demande")


def test_the_way_in_and_out_goes_through_three_origins_and_nothing_stops_it(world, page):
    logs_in(page, world)
    assert origins(page) == [world.url, world.standin, world.identity_provider, world.standin, world.url]
    page.passed.clear()
    page.get_by_role("button", name="Se déconnecter").click()
    page.wait_for_url(re.compile(rf"^{world.url}/(\?state=.*)?$"))
    assert origins(page) == [world.url, world.standin, world.identity_provider, world.standin, world.url]
    page.goto(f"{world.url}/mes-procurations")
    page.get_by_role("button", name=re.compile("FranceConnect")).first.wait_for()
    assert page.said == []


def test_the_way_without_a_visit_goes_there_and_back_and_out_by_both(world, page):
    """Twice: it establishes, then ends what it established."""
    login = next(NEWCOMERS)
    logs_in(page, world, login)
    file = world.file(voter=Voter.select().order_by(Voter.id.desc()).first())
    for act, button in (("", "Établir ma procuration"), ("/resilier", "Résilier ma procuration")):
        page.goto(f"{world.url}/mes-procurations/{file.id}{act}/sans-deplacement")
        page.passed.clear()
        page.get_by_role("button", name=re.compile("FranceConnect")).click()
        page.wait_for_url(f"{world.card_reader}/**")
        page.locator(f"button[value='{login}']").click()
        page.wait_for_url(f"{world.url}/mes-procurations/**")
        assert origins(page) == [world.url, world.standin, world.card_reader, world.standin, world.url]
        page.get_by_role("button", name=button).click()
        page.wait_for_url(f"{world.url}/mes-procurations")
    page.passed.clear()
    page.get_by_role("button", name="Se déconnecter").click()
    page.wait_for_url(re.compile(rf"^{world.url}/(\?state=.*)?$"))
    assert origins(page)[:6] == [world.url, world.standin, world.card_reader, world.standin, world.url, world.standin]
    assert page.said == []


def test_franceconnect_asks_again_who_it_is_after_the_log_out(world, page):
    """Somebody else may sit before this browser now."""
    logs_in(page, world)
    page.get_by_role("button", name="Se déconnecter").click()
    page.wait_for_url(re.compile(rf"^{world.url}/(\?state=.*)?$"))
    logs_in(page, world, "petit")
    assert "PETIT" in page.locator("main").inner_text() and page.said == []


def test_a_redirect_of_the_form_itself_would_be_stopped(world, page):
    """What the page that goes on by itself is there for: the same chain, begun by a redirect."""
    def go_on_at_once(answer):
        if request.endpoint == "pages.connexion_franceconnect":
            url = re.search(r'href="(http[^"]+/authorize[^"]*)"', answer.get_data(as_text=True))[1]
            return redirect(url.replace("&amp;", "&"), 303)
        return answer
    world.app.after_request_funcs[None].append(go_on_at_once)
    try:
        leaves_for_franceconnect(page, world)
        page.wait_for_timeout(1_000)
        assert world.identity_provider not in origins(page)
        assert any("form-action" in text for text in page.said)
    finally:
        world.app.after_request_funcs[None].remove(go_on_at_once)


def test_an_agent_comes_in_by_proconnect_and_leaves_both(world, page):
    page.goto(f"{world.url}/connexion")
    page.passed.clear()
    page.get_by_role("button", name=re.compile("ProConnect")).click()
    page.wait_for_url(f"{world.standin}/pro/**")
    page.locator("button[value='mairie']").click()
    page.wait_for_url(f"{world.url}/admin/")
    assert origins(page) == [world.url, world.standin, world.url]
    page.passed.clear()
    page.get_by_role("button", name="Se déconnecter").click()
    page.wait_for_url(re.compile(rf"^{world.url}/connexion\?state="))
    assert origins(page) == [world.url, world.standin, world.url] and "déconnecté" in page.locator("main").inner_text()
    page.get_by_role("button", name=re.compile("ProConnect")).click()
    page.wait_for_url(f"{world.standin}/pro/**/interaction/**")
    assert page.said == []
