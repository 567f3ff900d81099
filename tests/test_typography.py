"""French typography: the spaces the house binds, and what authors must write themselves."""
import ast
import datetime
import html
import re
from pathlib import Path

import flask_admin
import pytest
import wtforms
from babel.messages.pofile import read_po
from flask import Flask, current_app, render_template_string
from flask_admin.form import BaseForm
from flask_wtf import FlaskForm
from jinja2 import DictLoader, Environment
from werkzeug.datastructures import MultiDict

from portal import catalogue, mail, outbox
from portal.settings import Settings, use
from portal.typography import THIN, WIDE, Spaces, bind, loosen
from tests.french import ROOT, WRITTEN, prose

MARKS = {WIDE: "~", THIN: "_"}


def seen(text):
    """`text` with its no-break spaces made visible: ~ the wide one, _ the narrow one."""
    return "".join(MARKS.get(letter, letter) for letter in text)


def compiled(source, name="a.html", **facts):
    return seen(Environment(extensions=[Spaces], loader=DictLoader({name: source})).get_template(name).render(facts))


# --- Spaces ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("written, read", [
    ("Quoi ? Oui ; non !", "Quoi_? Oui_; non_!"), ("Motif : autre", "Motif~: autre"), ("« rien »", "«~rien~»"),
    ("160 000 et 1 000 000", "160_000 et 1_000_000"), ("50 %", "50~%"), ("50 %% de %(name)s", "50~%% de %(name)s"),
    ("le 7 juin 2026", "le 7~juin 2026"), ("le 1er mars, au 2d tour", "le 1er~mars, au 2d~tour"), ("n° 12", "n°~12"),
    ("art. L. 73", "art.~L.~73"), ("l’article R. 76-1", "l’article~R.~76-1"), ("M. Petit", "M.~Petit"),
    ("à 10 h 30", "à 10~h~30"),
    ("18 ans, 2 mois, 24 heures", "18~ans, 2~mois, 24~heures"),
    ("Étape 1 sur 2", "Étape~1 sur 2"), ("Déjà\u00a0!", "Déjà_!")])
def test_a_space_is_bound_where_no_line_may_break(written, read):
    assert seen(bind(written)) == read
    assert bind(bind(written)) == bind(written)


@pytest.mark.parametrize("text", [
    "12:30", "https://exemple.fr/a?b=1;c", "69003 Lyon", "K7M 2XQ", "7 11 1975", "2024 160",
    "%(all)s sur %(done)s", "", " "])
def test_other_spaces_stay(text):
    assert bind(text) == text


def test_bound_spaces_are_loosened_for_machines():
    assert loosen(bind("Motif : 160 000 ?")) == "Motif : 160 000 ?"


@pytest.mark.parametrize("source, shown", [
    ("<p>Quoi ?</p>", "<p>Quoi_?</p>"),
    ("<p class='a ; b' title=\"Aide ? - ici\">", "<p class='a ; b' title=\"Aide_? - ici\">"),
    ("<a href='/x ?y' title='{{ 1 }} ?'>Oui !</a>", "<a href='/x ?y' title='1_?'>Oui_!</a>"),
    ("<input value='a : b' placeholder='a : b'>", "<input value='a : b' placeholder='a~: b'>"),
    ("<code>a ? b : c</code> : d", "<code>a ? b : c</code>~: d"),
    ("<script>a ? b : c</script>", "<script>a ? b : c</script>"),
    ("<style>a : b</style><!-- a : b -->", "<style>a : b</style><!-- a : b -->"),
    ("{{ 'Erreur : ' }}{{ typed }} ?", "Erreur~: a ; b_?"), ("<p class=\"{{ 'a : b' }}\">", "<p class=\"a : b\">"),
    ("{{ 3 }} : {% if 1 %} ! {% endif %}", "3~: _! "), ("«\n{{ 1 }}\n»", "«~1~»"), ("M. {{ typed }}", "M.~a ; b")])
def test_prose_is_bound_and_nothing_else(source, shown):
    assert compiled(source, typed="a ; b") == shown


def test_mails_keep_to_the_space_every_font_has():
    assert compiled("Quoi ? <p>", "mails/a/body.txt") == "Quoi~? <p>"
    assert compiled("1 < 2 ? <a href='b ?'>", "mails/a/body.txt") == "1 < 2~? <a href='b~?'>"


@pytest.mark.parametrize("name", sorted(mail.SAMPLES))
def test_every_mail_is_bound_and_its_subject_is_not(name):
    use(Settings())
    rendered = outbox.render(name, mail.SAMPLES[name])
    assert not re.search(f"[{WIDE}{THIN}]", rendered.subject)
    assert THIN not in rendered.text + rendered.html
    assert WIDE in rendered.text and not re.search(r" [:;!?»](?!\w)", rendered.text)


@pytest.fixture
def french():
    app = Flask("french")
    catalogue.install(app)
    with app.app_context():
        yield


def test_days_instants_and_numbers_are_french(french):
    noon = datetime.datetime(2026, 3, 1, 11, 5, tzinfo=datetime.timezone.utc)
    assert seen(catalogue.day("2026-06-07", "full")) == "dimanche 7~juin 2026"
    assert seen(catalogue.instant(noon)) == "1er~mars 2026 à 12~h~05"
    assert seen(catalogue.hour(noon)) == "12~h~05"
    assert seen(render_template_string("{{ 3675 | number }} < {{ 160000|number }}")) == "3_675 < 160_000"


def test_sentences_of_the_catalogue_are_bound(french):
    sentences = catalogue.Sources().get_translations()._catalog
    assert not [text for key, text in sentences.items() if key and re.search(r" [:;!?»](?!\w)", str(text))]
    assert any(THIN in str(text) for text in sentences.values())
    assert any(WIDE in str(text) for text in sentences.values())


# --- What libraries say ---------------------------------------------------------------------------------------------

def sentences_of(package, *folders):
    """What the code of a library asks for, singular and plural."""
    home = Path(package.__file__).parent
    sources = [path for folder in folders for path in sorted((home / folder).glob("*.py"))]
    calls = (node for path in sources for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return {argument.value for call in calls if called(call) in ("gettext", "ngettext", "lazy_gettext")
            for argument in call.args if isinstance(argument, ast.Constant) and isinstance(argument.value, str)}


def called(call):
    return getattr(call.func, "id", None) or getattr(call.func, "attr", None)


SAID_BY_LIBRARIES = [
    ("admin", sentences_of(flask_admin, ".", "form", "model", "contrib/peewee")),
    ("wtforms", sentences_of(wtforms, ".", "fields", "csrf")),
]


@pytest.mark.parametrize("name, asked", SAID_BY_LIBRARIES, ids=[name for name, _ in SAID_BY_LIBRARIES])
def test_whatever_a_library_may_say_has_a_sentence_of_ours(name, asked):
    entries = read_po((catalogue.LIBRARIES / f"{name}.po").open("rb"))
    ours = {text for entry in entries for text in (entry.id if isinstance(entry.id, tuple) else [entry.id])}
    assert len(asked) > 40 and asked - ours == set(), f"write these in portal/locale/fr/libraries/{name}.po"


def test_forms_of_each_kind_speak_our_french(french):
    class Plain(wtforms.Form):
        class Meta:
            locales = ["fr"]
        name = wtforms.IntegerField()

    class WithToken(FlaskForm):
        class Meta:
            csrf = False
        name = wtforms.IntegerField()

    class InAdmin(BaseForm):
        name = wtforms.IntegerField()

    app = current_app._get_current_object()
    app.secret_key, app.testing = "s" * 64, True
    app.add_url_rule("/", view_func=lambda: "|".join(refused(form) for form in (Plain, WithToken, InAdmin)),
                     methods=["POST"])
    assert app.test_client().post("/").text == "|".join(["Écrivez un nombre entier, en chiffres."] * 3)


def refused(form):
    tried = form(MultiDict({"name": "x"}))
    tried.validate()
    return tried.name.errors[0]


# --- What authors write ---------------------------------------------------------------------------------------------

ADDRESS = re.compile(r"https?://\S+")
FAULTS = {name: re.compile(pattern) for name, pattern in {
    "an apostrophe is ’": r"\w'[\w«]",
    "quotation marks are « »": r"(?:^|\s)\"\w|[“”]",
    "an ellipsis is …": r"\.\.",
    "œ is one letter": r"(?i)\b(?:c|s|n|v|b|m|man)?oe(?:ur|uvre|ud|u|il|urs)s?\b",
    "a capital keeps its accent": r"(?:^|[.!?:»]\s)A (?=[a-zà-ÿ])|"
                                  r"\bE(?=tat|tap|tabli|lect|cri|dit|vit|t[eêr]|ch[eéou]|gal|lu)|"
                                  r"\b(?:RECEPISSE|REFERENCE|ETABLI|PROCEDURE|ELECTI|ELECTO|PIECE|IDENTITE|PRESENT)",
    "an ordinal is 1er, 1re, 2d, 2de, 3e": r"\b\d+(?: er|ère|ème|eme|nd|nde|ière|è)\b|\b2e tour",
    "Monsieur is M.": r"\bM(?:r|elle)\b|\bMme\.",
    "one space": r"\S {2,}\S",
    "no space before a comma or a full stop": r" [,.](?!\w)",
    "a space before : ; ! ?": r"\w[;!?]|\w:(?=\s|$)|^[:;!?]\s",
    "a space inside « »": r"«\S|\S»",
    "a dash is –": r" - (?!nouvelle fenêtre)",  # FranceConnect's own words
    "a day has its month in letters": r"\d\d?/\d\d?/\d{2,4}",
}.items()}


def faults(piece):
    """What is wrong with a piece of French as its author wrote it, with ordinary spaces."""
    text = ADDRESS.sub("", loosen(html.unescape(piece)))
    return [f"{name}: {found[0]!r} in {' '.join(text.split())[:90]!r}" for name, pattern in FAULTS.items()
            if (found := pattern.search(text))]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_authors_write_french(path):
    assert [fault for piece in prose(path) for fault in faults(piece)] == []


@pytest.mark.parametrize("fault", [
    "l'accès", "\"oui\"", "etc...", "un voeu", "la soeur", "A bientôt", "Etat civil", "VOTRE RECEPISSE", "le 2ème tour",
    "le 1 er mars", "Mr Petit", "deux  espaces", "oui , non", "Quoi?", "Motif: autre", ": autre", "«oui »", "oui - non",
    "le 07/06/2026"])
def test_a_fault_of_typography_is_caught(fault):
    assert faults(fault)


@pytest.mark.parametrize("sound", [
    "l’accès à 12:30 : « oui », n° 12 ; art. L. 73 !", "À bientôt…", "Élections – 1er et 2d tours",
    "%(name)s : %(count)s",
    "https://exemple.fr/a?b=c"])
def test_sound_french_is_left_alone(sound):
    assert faults(sound) == []
