"""The récépissé: on paper and as a page it says the same, whatever the names."""
import datetime
import html
import logging
import re
from io import BytesIO

import pytest
import segno
from hypothesis import given, settings, strategies
from pypdf import PdfReader

from models import Reference, Status
from portal import documents, mail, paper, procedure, recepisse
from portal.settings import Settings, use
from tests.factories import PATHS, a_commune, a_period, a_procuration, a_scrutin, an_agent, an_officer, fresh
from tests.voter import Mandant

LIST = "/mes-procurations"
WITH_ONE = [status for status in Status if status in documents.RECEPISSES]
WITHOUT = [status for status in Status if status not in documents.RECEPISSES]
SAMPLES = [mail.NAMES[act] for act in documents.RECEPISSES.values()]
HARD = ["Œdith Ÿvain D’HÉRELLE", "Nguyễn Thị Ánh", "Łukasz Żółć-Şahin", "ნინო", "Ирина Ελένη", "محمد", "陳", "O",
        "Maximilien-Théodore-Emmanuel " * 8 + "VANDENBROUCKE-CHARPENTIER DE LA ROCHEFONTAINE " * 5]


@pytest.fixture
def mandant(app, client):
    a_commune()
    return Mandant(client)


@pytest.fixture
def address():
    use(Settings(base_url="https://maprocuration.example"))


def words(text):
    return " ".join(re.sub(r"\s", " ", text).split())


def read(content):
    """The text of a PDF file, in the order a reader hears it."""
    return words(" ".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages))


def said(sheet):
    """Each sentence of a sheet."""
    yield from (text for text in (sheet.title, sheet.essence, sheet.reference, sheet.letters) if text)
    for label, values in sheet.facts:
        yield from (label, *values)
    for section in sheet.sections:
        yield section.heading
        yield from (text for _, texts in section.groups for text in texts)
    yield from sheet.small_print


def of(name, **facts):
    return recepisse.sheet(name, {**mail.SAMPLES[name], **facts})


# --- What it says ---------------------------------------------------------------------------------------------------

def test_at_the_counter_it_gives_the_reference_what_to_bring_where_until_when_and_the_steps(address):
    sheet = of("deposee")
    assert (sheet.reference, sheet.code) == ("K7M 2QX", "K7M2QX")
    assert sheet.letters == "K comme Kléber, 7, M comme Marcel, 2, Q comme Quintal, X comme Xavier"
    text = words(" ".join(said(sheet)))
    for wanted in ("au plus tard le dimanche 22 mars 2026", "Camille Andrée Durand", "Sacha Petit", "Lyon (69)",
                   "1er tour : dimanche 15 mars 2026", "Votre pièce d’identité, en original",
                   "commissariat de police ou la brigade de gendarmerie", "prévenez le mandataire vous-même"):
        assert wanted in text, wanted
    steps, = [texts for section in sheet.sections for mark, texts in section.groups if mark == "1."]
    assert len(steps) == 3


def test_every_letter_of_a_reference_can_be_dictated(address):
    for start in range(0, 28, 6):
        sign = (Reference.ALPHABET * 2)[start:start + 6]
        letters = of("deposee", reference=f"{sign[:3]} {sign[3:]}").letters.split(", ")
        assert [letter[0] for letter in letters] == list(sign)
        assert all(letter[0].isdigit() or letter.partition(" comme ")[2].startswith(letter[0]) for letter in letters)


def test_the_code_holds_the_six_characters_and_nothing_else(address):
    """What a scanner types into the officer's field: no address, no name."""
    assert of("deposee").qr == segno.make("K7M2QX", error="h", micro=False)
    assert of("deposee").qr.mode == "alphanumeric" and of("deposee").qr.error == "H"
    assert of("validee").qr is None


def test_once_established_it_names_the_authority_and_promises_nothing_R75(address):
    text = words(" ".join(said(of("etablie"))))
    assert "Dominique Martin, brigadier-chef, APJ" in text and "à Lyon, le vendredi 20 février 2026" in text
    assert "ne l’a pas encore vérifiée" in text and "K7M" not in text


def test_once_validated_it_says_for_which_tours_and_what_the_mandataire_does(address):
    tours = mail.SAMPLES["validee"]["tours"]
    text = words(" ".join(said(of("validee", tours=tours[1:], tours_left_out=tours[:1]))))
    assert "Valable pour Élections municipales, 2d tour" in text
    assert "Non valable pour Élections municipales, 1er tour" in text
    assert "Présentez votre propre pièce d’identité" in text and "bureau de vote du mandant, à Lyon (69)" in text


def test_a_period_is_told_by_its_end(address):
    assert "toutes les élections jusqu’au 22 mars 2026" in words(" ".join(said(of("deposee", period=True, tours=[]))))
    assert "une durée, jusqu’au 22 mars 2026" in words(" ".join(said(of("validee", period=True))))


def test_a_name_with_line_breaks_adds_no_line(address):
    hostile = "Zoé\n# Faux titre\n@ ZZZ ZZZ\n= Valable pour | tout"
    assert list(said(of("deposee", mandant=hostile)))[:4] == list(said(of("deposee")))[:4]
    assert len(of("deposee", mandant=hostile).facts) == len(of("deposee").facts)


# --- On paper -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_of_paper_says_every_word_in_order(name, address):
    text, found = read(paper.printed(of(name))).replace(" ", ""), 0
    for sentence in said(of(name)):
        found = text.find(words(sentence).replace(" ", ""), found)
        assert found >= 0, sentence


@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_one_page_of_a4_in_french_with_a_title_and_a_structure(name, address):
    content = paper.printed(of(name))
    document = PdfReader(BytesIO(content))
    root = document.trailer["/Root"]
    tags = [element.get_object()["/S"] for element in root["/StructTreeRoot"]["/K"][0].get_object()["/K"]]
    page, = document.pages
    assert (round(page.mediabox.width), round(page.mediabox.height)) == (595, 842)
    assert root["/Lang"] == "fr-FR" and root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert document.metadata.title == of(name).title
    assert tags.count("/H1") == 1 and tags.count("/H2") == len(of(name).sections) and "/P" in tags
    assert ("/Figure" in tags) == (name == "deposee")
    assert len(content) < 40_000


def test_its_letters_are_in_the_file(address):
    page, = PdfReader(BytesIO(paper.printed(of("deposee")))).pages
    fonts = [font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"] for font in
             page["/Resources"]["/Font"].get_object().values()]
    assert len(fonts) == 2 and all("/FontFile2" in font.get_object() for font in fonts)


@pytest.mark.parametrize("name", HARD, ids=lambda name: name[:12])
def test_any_name_can_be_printed(name, address, caplog):
    with caplog.at_level(logging.DEBUG):
        text = read(paper.printed(of("deposee", mandant=name, mandataire=name)))
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING], "a log must hold no name"
    if all(ord(letter) < 0x600 or ord(letter) > 0x10A0 for letter in name) and "陳" not in name:
        assert words(name).replace(" ", "") in text.replace(" ", "")
    else:
        assert "\ufffd" in text


@settings(max_examples=25, deadline=None)
@given(strategies.text(strategies.characters(blacklist_categories=("Cs",)), min_size=1, max_size=80))
def test_no_text_breaks_it(name):
    use(Settings(base_url="https://maprocuration.example"))
    assert paper.printed(of("validee", mandant=name, commune=name)).startswith(b"%PDF")


# --- Where a mandant finds it ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("status", WITH_ONE)
def test_the_page_and_the_file_say_the_same(mandant, client, status):
    file = a_procuration(status, voter=mandant.row)
    answer = client.get(f"{LIST}/{file.id}/recepisse.pdf")
    assert answer.mimetype == "application/pdf" and answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"] == "attachment; filename=recepisse-procuration.pdf"
    mandant.opens(f"{LIST}/{file.id}/recepisse")
    page = words(html.unescape(re.sub(r"<[^>]+>", " ", mandant.answer.text)))
    printed = read(answer.data).replace(" ", "")
    for sentence in map(words, said(documents.recepisse(fresh(file)))):
        assert sentence in page and sentence.replace(" ", "") in printed, sentence


@pytest.mark.parametrize("status", WITHOUT)
def test_a_state_without_one_leads_back_to_the_list(mandant, client, status):
    file = a_procuration(status, voter=mandant.row)
    for path in ("recepisse", "recepisse.pdf", "jours-de-vote.ics"):
        answer = client.get(f"{LIST}/{file.id}/{path}")
        assert (answer.status_code, answer.location) == (303, LIST)


@pytest.mark.parametrize("path", ["recepisse", "recepisse.pdf", "jours-de-vote.ics"])
def test_nobody_opens_what_belongs_to_somebody_else(mandant, client, path):
    file = a_procuration("validee")
    assert client.get(f"{LIST}/{file.id}/{path}").status_code == 404
    assert client.get(f"{LIST}/999999/{path}").status_code == 404


def test_an_act_taken_back_gives_the_sheet_for_the_counter_again(mandant):
    officer = an_officer()
    file = a_procuration("etablie", voter=mandant.row, officer=officer)
    procedure.defaire(file, officer, "erreur_de_saisie")
    sheet = documents.recepisse(fresh(file))
    assert sheet.reference == file.reference.shown and "à présenter" in sheet.title


def test_a_decision_taken_back_still_tells_the_day_of_the_act(mandant):
    file = a_procuration("validee", voter=mandant.row)
    procedure.reprendre(fresh(file), an_agent(commune=file.commune))
    assert "établie" in documents.recepisse(fresh(file)).title


def test_a_period_has_one_too(mandant, client):
    a_scrutin(in_days=20)
    file = a_procuration(voter=mandant.row, demande=a_period(datetime.date.today() + datetime.timedelta(days=90)))
    assert client.get(f"{LIST}/{file.id}/recepisse.pdf").status_code == 200
    assert "toutes les élections jusqu’au" in mandant.opens(f"{LIST}/{file.id}/recepisse").text


def test_every_state_is_either_told_on_paper_or_not():
    assert {*WITH_ONE, *WITHOUT} == set(PATHS)
