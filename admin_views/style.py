"""The living style page: each component of the look in each of its states, made by the macros the pages use."""
from flask_admin import expose
from flask_babel import lazy_gettext
from wtforms import BooleanField, Form, RadioField, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired

from admin_views.base import RoleView
from models import Passage, Personne, Role, Status, now
from portal import access

SAMPLE = Personne(birth_name="EXEMPLE-BERNARD", used_name="L’INVENTÉE", first_names="Anaïs Zoé Œdipe", sex="F",
                  birth_date="1974-11-01", birth_place="Brest (29)")
COLOURS = ("page", "raised", "soft", "line", "edge", "quiet", "text", "main", "main-strong", "main-soft", "accent",
           "accent-soft", "success", "success-soft", "info", "info-soft", "warning", "warning-soft", "error",
           "error-soft", "focus")
ACTS = (("deposer", Role.VOTER), ("etablir", Role.OFFICER), ("valider", Role.COMMUNE))


def choices():
    return [SelectChoice(name, lazy_gettext(f"style.{name}")) for name in ("first", "second")]


class SampleForm(Form):
    plain = StringField(lazy_gettext("style.plain"))
    needed = StringField(lazy_gettext("style.needed"), [InputRequired(lazy_gettext("style.missing"))])
    listed = SelectField(lazy_gettext("style.listed"), choices=choices)
    chosen = RadioField(lazy_gettext("style.chosen"), [InputRequired(lazy_gettext("style.missing"))], choices=choices)
    ticked = BooleanField(lazy_gettext("style.ticked"), [InputRequired(lazy_gettext("style.missing"))])


class StyleView(RoleView):
    roles = access.MINISTRY

    @expose("/")
    def index(self):
        wrong = SampleForm(data={"listed": "first"})
        wrong.validate()
        return self.render("admin/style.html", right=SampleForm(prefix="right-"), wrong=wrong, person=SAMPLE,
                           colours=COLOURS, statuses=list(Status), passages=passages())


def passages():
    return [Passage(act=act, role=role, at=now()) for act, role in ACTS]


def views():
    return [StyleView(endpoint="style", url="/admin/style")]
