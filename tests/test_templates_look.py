"""The base page and the macros: what every screen is built from."""
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask, render_template
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Form, FormField, RadioField, SelectMultipleField, StringField
from wtforms.validators import InputRequired

from models import SEXES, TRANSITIONS, Role, Status
from portal import catalogue, sessions, theme
from portal.error_pages import PAGES
from portal.settings import Settings
from portal.typography import loosen

ROOT = Path(__file__).parent.parent


class Page(HTMLParser):
    """The ids of a page, what points at them, and the values its inputs would send."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.controls, self.pointers, self.links, self.values = [], set(), set(), set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.pointers |= {*attributes.get("aria-describedby", "").split(), attributes.get("for")} - {None}
        if tag == "a":
            self.links.add(attributes["href"].removeprefix("#"))
        if tag == "input":
            self.controls.add(attributes.get("id"))
            self.values.append((attributes["name"], attributes["value"]))


class Birth(Form):
    day = StringField(validators=[InputRequired("Indiquez le jour.")])
    month = StringField()
    year = StringField()


class Somebody(Form):
    name = StringField("Nom", [InputRequired("Indiquez le nom.")])
    birth = FormField(Birth, "Date de naissance")


class Sample(Form):
    town = StringField("Commune")
    sex = RadioField("Sexe", [InputRequired("Choisissez.")], choices=[("F", "Féminin"), ("M", "Masculin")])
    tours = SelectMultipleField("Tours", [InputRequired("Choisissez un tour.")], choices=[("1", "1er"), ("2", "2d")])
    somebody = FormField(Somebody)
    sure = BooleanField("J’atteste", [InputRequired("Cochez.")])


FORM = """{% from "macros/forms.html" import error_summary, field, radios, checkboxes, date_parts, checkbox %}
{{ error_summary(form) }}{{ field(form.town, hint="Où ?") }}{{ radios(form.sex) }}{{ checkboxes(form.tours) }}
{{ field(form.somebody.form.name) }}{{ date_parts(form.somebody.form.birth) }}{{ checkbox(form.sure) }}"""


@pytest.fixture
def house():
    """The templates with the real parts they count on, and no database."""
    house = Flask("app", root_path=str(ROOT))
    house.secret_key = "s" * 64
    house.jinja_env.undefined = StrictUndefined
    house.jinja_env.trim_blocks = house.jinja_env.lstrip_blocks = True
    house.jinja_env.globals["settings"] = Settings()
    theme.install(house, Settings())
    CSRFProtect(house)
    sessions.install(house)
    catalogue.install(house)
    with house.test_request_context("/"):
        yield house


@pytest.fixture
def render(house):
    """Source of a template to HTML."""
    return lambda source, **facts: house.jinja_env.from_string(source).render(**facts)


@pytest.fixture
def words(house):
    return house.jinja_env.get_template("macros/words.html").module


@pytest.mark.parametrize("code", PAGES)
def test_each_error_has_a_page_whose_heading_is_its_title(house, code):
    html = render_template(f"errors/{code}.html", retry_after=90)
    assert f"<title>{re.search('<h1>(.*?)</h1>', html)[1]} – Maprocuration</title>" in html
    assert 'href="/"' in html.split("<main")[1].split("</main>")[0], "give the reader a way back"


@pytest.mark.parametrize("code", [500, 503])
def test_the_pages_of_an_outage_need_no_user_and_no_database(house, code):
    assert "<h1>" in house.jinja_env.get_template(f"errors/{code}.html").render()


def test_an_outage_names_the_paper_way(house):
    html = house.jinja_env.get_template("errors/503.html").render()
    assert all(word in html for word in ("commissariat", "gendarmerie", "tribunal", "Cerfa"))


def test_every_value_of_the_models_has_its_french_word(words):
    acts = set(TRANSITIONS)
    assert set(words.STATUSES) == set(Status)
    assert set(words.VERBS) == set(words.ACTS) == acts
    assert set(words.REASONS) == {reason for act in TRANSITIONS.values() for reason in act.reasons}
    assert set(words.ROLES) == {*Role, "mandataire"} and set(words.AUTHORS) == set(Role)  # who declines
    assert set(words.SEXES) == set(SEXES)


def test_a_label_an_error_and_a_summary_point_at_what_exists(render):
    form = Sample()
    assert not form.validate()
    page = Page(render(FORM, form=form))
    assert page.pointers <= set(page.ids)
    assert page.links <= page.controls, "a link of the summary must reach something to type in"
    assert len(page.ids) == len(set(page.ids))


def test_the_summary_says_each_error_in_the_words_of_its_field(render):
    form = Sample()
    form.validate()
    html = render(FORM, form=form)
    for message in ("Choisissez.", "Choisissez un tour.", "Indiquez le nom.", "Indiquez le jour.", "Cochez."):
        assert html.count(message) == 2


def test_only_optional_fields_are_marked(render):
    assert render(FORM, form=Sample()).count("(facultatif)") == 1


def test_what_was_typed_comes_back_escaped(render):
    html = render(FORM, form=Sample(data={"town": '"><b>'}))
    assert "<b>" not in html
    assert "&gt;&lt;b&gt;" in html


def test_a_check_page_carries_every_value_and_no_other(render):
    typed = [("town", "Lyon (69)"), ("sex", "F"), ("tours", "1"), ("tours", "2"), ("somebody-name", "L’Hénoret"),
             ("somebody-birth-day", "1"), ("somebody-birth-month", "2"), ("somebody-birth-year", "1953"), ("sure", "y")]
    html = render('{% from "macros/forms.html" import carried %}{{ carried(form) }}', form=Sample(MultiDict(typed)))
    assert Page(html).values == typed


@pytest.mark.parametrize("text, said", [
    ("1986-12-01", "1er décembre 1986"),
    ("1986-02-28", "28 février 1986"),
    ("1953-05-00", "mai 1953 (jour inconnu)"),
    ("1953-00-00", "1953 (jour et mois inconnus)"),
])
def test_a_partial_date_of_birth_says_what_it_says(render, text, said):
    assert loosen(render('{% from "macros/show.html" import birth_date %}{{ birth_date(text) }}', text=text)) == said


def test_a_reference_is_heard_letter_by_letter(render):
    assert "K, 7, M, 2, X, Q" in render('{% from "macros/show.html" import reference %}{{ reference("K7M 2XQ") }}')


def test_the_theme_stays_light():
    assert sum((ROOT / name).stat().st_size for name in theme.OURS) < 34_000
