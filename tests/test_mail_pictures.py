"""Mails in a browser, as narrow and wide mailboxes show them, light and dark, with names that are hard to lay out."""
import re
from importlib.resources import files

import pytest

from portal import mail, outbox
from portal.settings import Settings, use
from tests import validator
from tests.browser import needs_chromium

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
WIDTHS = (320, 390, 800)
SCHEMES = ("light", "dark")
LONG = {"mandataire": "Maximilien-Théodore-Emmanuel-Barthélemy VANDENBROUCKE-CHARPENTIERDELAROCHEFONTAINE-MONTCLAIREAU",
        "commune": "Saint-Remy-en-Bouzemont-Saint-Genest-et-Isson (51)", "comment": "A" * 200,
        "authority": "Dominique Martin, " + "adjudante-cheffe " * 5, "tours_left_out": mail.SAMPLES["validee"]["tours"]}
MAILS = {**{name: {**facts, **LONG} for name, facts in mail.SAMPLES.items()}, **mail.LINKS}


@pytest.fixture
def rendered():
    use(Settings(base_url="https://maprocuration.example", secret_key="s" * 64))
    return {name: outbox.render(name, facts).html for name, facts in MAILS.items()}


def faults(browser, page_of_mail):
    """Sentences, one per fault of a mail in any window and either scheme."""
    page, found = browser.new_page(), []
    page.set_content(page_of_mail)
    page.evaluate(AXE)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            found += [f"{scheme}, {width}: {fault}" for fault in broad(page, width)]
        found += [f"{scheme}: {fault}" for fault in violations(page)]
    page.close()
    return found


def broad(page, width):
    """Also what is cut off inside a box."""
    wide = page.evaluate("Math.max(document.documentElement.scrollWidth, "
                         "...[...document.querySelectorAll('body *')].map(box => box.getBoundingClientRect().right))")
    return [f"{wide} px wide"] if wide > width else []


def violations(page):
    report = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{violation['id']}: {', '.join(node['target'][0] for node in violation['nodes'])}"
            for violation in report["violations"]]


@needs_chromium
@pytest.mark.parametrize("name", MAILS)
def test_a_mail_is_read_in_any_window_light_or_dark(browser, rendered, name):
    assert faults(browser, rendered[name]) == []


@needs_chromium
@pytest.mark.parametrize("planted, told", [
    ("<h1 style='width: 700px'>", "px wide"), ("<h1 style='color: #999'>", "color-contrast")])
def test_a_mail_that_is_not_is_caught(browser, rendered, planted, told):
    found = faults(browser, rendered["deposee"].replace("<h1>", planted))
    assert any(told in fault for fault in found)


@pytest.mark.parametrize("name", MAILS)
def test_where_a_mailbox_drops_styles_no_half_of_a_colour_remains(rendered, name):
    """A ground without its ink hides the button; the headings and the link are then the reader's own."""
    bare = re.sub(r"<style>.*?</style>", "", rendered[name], flags=re.DOTALL)
    assert not re.search(r"\s(bgcolor|color|background)=", bare) and "<h1>" in bare


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_is_sound_html(rendered, name):
    assert validator.faults_of(rendered[name]).result() == []


@pytest.mark.parametrize("name", MAILS)
def test_a_list_of_mails_shows_a_sentence_without_name_or_reference(rendered, name):
    shown = re.search(r'<div class="preheader">(.*?)</div>', rendered[name], re.DOTALL)[1].strip()
    assert shown and len(shown) < 140 and "<" not in shown
    assert not any(secret in shown for secret in ("K7M", "VANDEN", "Camille", "Bouzemont"))
