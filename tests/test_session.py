"""The end of a session: said in time, put off by a button, and never at the price of what was typed."""
import datetime
import re

import pytest
from playwright.sync_api import expect

from models import Procuration, WebSession, now
from tests.browser import PHONE, needs_chromium
from tests.factories import a_commune, a_procuration, a_scrutin, an_agent, an_officer, log_in
from tests.voter import SOUND, Mandant, Page
from tests.world import World

IDLE, LONGEST = 20 * 60, 120 * 60       # seconds of a voter


@pytest.fixture
def mandant(app):
    a_commune()
    a_scrutin()
    return Mandant(app.test_client())


def as_if(**minutes):
    """Every session began or was last seen so many minutes ago."""
    WebSession.update(**{name: now() - datetime.timedelta(minutes=ago) for name, ago in minutes.items()}).execute()


# --- What the server answers ----------------------------------------------------------------------------------------

def test_asking_tells_what_is_left_and_counts_as_being_there(mandant):
    as_if(seen_at=19)
    asked = mandant.client.get("/session")
    assert asked.status_code == 200 and asked.cache_control.no_store
    assert IDLE - 5 <= asked.json["left"] <= IDLE
    assert WebSession.get().seen_at > now() - datetime.timedelta(seconds=5)


def test_a_page_carries_what_is_left_of_the_session(mandant):
    as_if(started_at=115)
    left = re.search(r'data-session="(\d+)"', mandant.client.get("/demande").text)
    assert 5 * 60 - 5 <= int(left[1]) <= 5 * 60                 # the longest life ends before the idle one
    assert 'data-session="' not in mandant.client.application.test_client().get("/").text


def test_nothing_prolongs_a_session_beyond_its_longest_life(mandant):
    as_if(started_at=118)
    assert 2 * 60 - 5 <= mandant.client.get("/session").json["left"] <= 2 * 60
    as_if(started_at=121, seen_at=0)
    assert mandant.client.get("/session").status_code == 303


def test_an_agent_s_session_is_told_too_and_nobody_s_is_not(app, mandant):
    agent = app.test_client()
    log_in(agent, agent=an_officer())
    assert 15 * 60 - 5 <= agent.get("/session").json["left"] <= 15 * 60
    assert app.test_client().get("/session").status_code == 303


# --- A form that comes too late, without a script -------------------------------------------------------------------

def typed(mandant):
    return {**mandant.opens().fields(), **SOUND, "tours": mandant.page.choices("tours"),
            "mandataire-birth_name": 'Petit "d’Œuvre" <b>', "csrf_token": mandant.page.fields()["csrf_token"]}


def test_a_request_sent_after_the_end_comes_back_whole_and_can_be_sent_after_a_new_log_in(mandant):
    sent = {**typed(mandant), "mandataire-birth_name": "Petit d’Œuvre"}
    as_if(seen_at=21)
    page = mandant.posts(sent)
    assert mandant.answer.status_code == 401 and "n’est pas envoyée, mais elle n’est pas perdue" in page.text
    kept = page.fields()
    assert all(kept[name] == (value if isinstance(value, list) else [value])
               for name, value in sent.items() if name != "csrf_token")
    log_in(mandant.client, voter=mandant.row)                   # in another tab: the token of this one is the old one's
    page = mandant.posts(kept)
    assert mandant.answer.status_code == 400 and "Rien n’est perdu" in page.summary
    assert not Procuration.select().exists()
    mandant.posts({**page.fields(), "mandataire-sex": "M", "declaration": "y", "tours": page.choices("tours")})
    assert mandant.answer.status_code == 200
    mandant.confirms()
    assert mandant.answer.status_code == 303 and Procuration.get().mandataire.birth_name == "Petit d’Œuvre"


def test_what_was_typed_comes_back_as_text(mandant):
    sent = typed(mandant)
    as_if(seen_at=21)
    page = mandant.posts({**sent, "<script>": "</form><script>alert(1)</script>"})
    assert page.fields()["mandataire-birth_name"] == ['Petit "d’Œuvre" <b>']
    assert "<script>alert" not in mandant.answer.text


def test_without_the_cookie_nothing_is_lost_either(app, mandant):
    late = app.test_client().post("/demande", data=typed(mandant))
    assert late.status_code == 400 and Page(late.text).fields()["commune"] == ["lyon"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_sends_is_not_taken_for_what_the_voter_typed(app, mandant, site):
    """Else a stranger's page would offer them, on ours and as their own, a request with the stranger's mandataire."""
    for client in (app.test_client(), mandant.client):
        answer = client.post("/demande", data={"mandataire-birth_name": "Inconnu"}, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 400 and "Inconnu" not in answer.text


def test_a_late_form_of_somebody_else_files_nothing(app, mandant):
    """Another voter logged in meanwhile: the form is signed for the first."""
    sent = typed(mandant)
    other = Mandant(mandant.client)
    page = other.posts({**sent, "mandataire-birth_name": "Petit", "confirmer": "oui"})
    assert other.answer.status_code == 400
    other.posts({**page.fields(), "mandataire-sex": "M", "declaration": "y", "tours": page.choices("tours")})
    assert not Procuration.select().exists()


def test_other_late_forms_say_that_the_session_is_over(mandant):
    file = a_procuration(voter=mandant.row)
    fields = mandant.opens(f"/mes-procurations/{file.id}/retirer").fields(f"/mes-procurations/{file.id}/retirer")
    as_if(seen_at=21)
    mandant.posts(fields, f"/mes-procurations/{file.id}/retirer")
    assert mandant.answer.status_code == 401 and "Connectez-vous, puis recommencez" in mandant.page.text
    assert Procuration.get().status == "deposee"


def test_an_agent_s_page_is_not_opened_by_a_late_request(app, mandant):
    sent = typed(mandant)
    log_in(mandant.client, agent=an_agent())
    late = mandant.client.post("/demande", data=sent)
    assert late.status_code == 400 and Page(late.text).fields()["commune"] == ["lyon"]


# --- In a browser ---------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("session")) as world:
        yield world


@pytest.fixture
def voter(browser, world):
    """A page of a voter, whose clock can be put forward."""
    context = browser.new_context(viewport=PHONE)
    world.row = world.new_voter()
    context.add_cookies([world.cookie(voter=world.row)])
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.said = []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.clock.install()
    yield page
    context.close()
    assert [text for text in page.said if "status of 4" not in text] == []


def minutes_pass(page, minutes, seen=True):
    """For the browser; for the server too, unless somebody was `seen` in another tab meanwhile."""
    ago = datetime.timedelta(minutes=minutes)
    for row in WebSession.select():
        WebSession.update(seen_at=now() if seen else row.seen_at - ago,
                          started_at=row.started_at - ago).where(WebSession.token_hash == row.token_hash).execute()
    page.clock.fast_forward(minutes * 60_000)
    page.clock.run_for(6_000)


def region(page):
    return page.locator(".session")


@needs_chromium
def test_the_end_is_announced_three_minutes_before_and_a_button_puts_it_off(world, voter):
    voter.goto(f"{world.url}/demande")
    minutes_pass(voter, 16, seen=False)
    expect(region(voter)).to_be_empty()
    minutes_pass(voter, 1.5, seen=False)
    expect(region(voter)).to_contain_text("moins de trois minutes")
    assert voter.evaluate("document.activeElement.className") != "session"          # nobody is interrupted
    voter.get_by_role("button", name="Rester connecté").click()
    expect(region(voter)).to_be_empty()
    minutes_pass(voter, 16, seen=False)
    expect(region(voter)).to_be_empty()
    assert voter.evaluate("fetch('/session').then(answer => answer.status)") == 200


@needs_chromium
def test_a_session_that_cannot_last_longer_says_so(world, voter):
    WebSession.update(started_at=now() - datetime.timedelta(minutes=118)).where(WebSession.voter == world.row).execute()
    voter.goto(f"{world.url}/demande")
    expect(region(voter)).to_contain_text("moins de trois minutes")
    voter.get_by_role("button", name="Rester connecté").click()
    expect(region(voter)).to_contain_text("ne peut plus être prolongée")


@needs_chromium
def test_the_end_is_said_before_more_is_typed(world, voter):
    voter.goto(f"{world.url}/demande")
    minutes_pass(voter, 21, seen=False)
    expect(region(voter)).to_contain_text("Votre session est terminée")
    expect(region(voter)).to_contain_text("est encore dans cette page")
    voter.goto(f"{world.url}/")
    assert region(voter).count() == 0


@needs_chromium
def test_what_was_typed_is_sent_after_a_new_log_in_in_another_tab(world, voter):
    voter.goto(f"{world.url}/demande")
    voter.locator("[name='mandataire-birth_name']").fill("Petit")
    minutes_pass(voter, 21, seen=False)
    voter.get_by_role("button", name="Relire ma demande").click()
    expect(region(voter)).to_be_focused()
    expect(voter.locator("[name='mandataire-birth_name']")).to_have_value("Petit")
    assert voter.url == f"{world.url}/demande" and "Erreur" not in voter.title()

    voter.context.add_cookies([world.cookie(voter=world.row)])
    tab = voter.context.new_page()
    tab.goto(f"{world.url}/mes-procurations")
    expect(region(voter)).to_be_empty()                                             # the other tab told
    tab.close()
    voter.get_by_role("button", name="Relire ma demande").click()
    expect(voter).to_have_title(re.compile("^Erreur"))                  # checked: only one name was given
    expect(voter.locator("[name='mandataire-birth_name']")).to_have_value("Petit")
    expect(voter.locator("#erreurs")).not_to_contain_text("dernière connexion")     # with the token of the new log-in


@needs_chromium
def test_being_active_in_one_tab_is_being_there_in_all(world, voter):
    voter.goto(f"{world.url}/demande")
    minutes_pass(voter, 17.5)
    expect(region(voter)).to_contain_text("moins de trois minutes")
    tab = voter.context.new_page()
    tab.clock.install(time=voter.evaluate("Date.now()") / 1000)
    tab.goto(f"{world.url}/mes-procurations")
    expect(region(voter)).to_be_empty()


@needs_chromium
def test_the_button_pressed_is_the_one_that_counts_after_the_check(world, voter):
    """Send or change: both post the check page."""
    voter.goto(f"{world.url}/demande")
    fields = voter.locator("main form[method=post]").first
    fields.evaluate("""form => { const button = document.createElement('button'); button.name = 'modifier';
        button.value = 'oui'; button.textContent = 'Autre bouton'; form.append(button); }""")
    minutes_pass(voter, 5)
    with voter.expect_request(lambda request: request.method == "POST") as sent:
        voter.get_by_role("button", name="Autre bouton").click()
    assert "modifier=oui" in sent.value.post_data


@needs_chromium
def test_a_check_that_nobody_answers_lets_the_form_go(world, voter):
    voter.goto(f"{world.url}/demande")
    minutes_pass(voter, 5)
    voter.route("**/session", lambda route: route.abort())
    voter.get_by_role("button", name="Relire ma demande").click()
    expect(voter).to_have_title(re.compile("^Erreur"))
    voter.said.clear()      # the browser says that the check was cut
