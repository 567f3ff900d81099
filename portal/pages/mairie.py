"""What the invitation of a mairie leads to: it names whoever will manage the accounts there, and that person's own link
opens the account."""
import datetime

from dateutil.relativedelta import relativedelta
from flask import redirect, render_template, request, url_for
from flask_babel import gettext
from wtforms import RadioField

from models import now
from portal import first_doors, limits
from portal.access import PUBLIC, access
from portal.accounts import AddressTaken
from portal.fields import AddressField, DayField, NameField, Needed, PlainForm, stop
from portal.first_doors import MairieLinkDead
from portal.limits import HOUR, Limit
from portal.pages import pages
from portal.single_use import digest
from portal.throttling import LINKS, limited

QUALITIES = ("maire", "adjoint", "conseiller", "agent")     # the last three have the mayor's delegation
LONGEST_MANDATE = relativedelta(years=7)
NAMED = Limit("mairie", 5, HOUR)        # by link: each time somebody is written to


class QualityField(RadioField):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, choices=lambda: [(name, gettext(f"mairie.quality.{name}")) for name in QUALITIES],
                         validate_choice=False, **kwargs)

    def pre_validate(self, form):
        if self.data not in QUALITIES:
            raise stop(self, "missing")


class DelegationField(DayField):
    """A day of the mayor's delegation: the mayor has none and needs none."""

    def pre_validate(self, form):
        self.needed = form.quality.data in QUALITIES[1:]
        super().pre_validate(form)


class UntilField(DelegationField):
    def pre_validate(self, form):
        super().pre_validate(form)
        begin, today = form.delegated_from.data, now().date()
        if self.data and self.data < max(begin or "", today.isoformat()):
            raise stop(self, "order")
        if self.data and datetime.date.fromisoformat(self.data) > today + LONGEST_MANDATE:
            raise stop(self, "far")


class MairieForm(PlainForm):
    scope = "mairie."

    first_name = NameField(validators=[Needed()])
    last_name = NameField(validators=[Needed()])
    email = AddressField(validators=[Needed()])
    quality = QualityField(validators=[Needed()])
    delegated_from = DelegationField(needed=False)
    delegated_until = UntilField(needed=False)

    @property
    def asked(self):
        """Columns of an Agent."""
        days = {name: self[name].data or None for name in ("delegated_from", "delegated_until")}
        return {"first_name": self.first_name.data, "last_name": self.last_name.data, "email": self.email.data.lower(),
                "quality": gettext(f"mairie.quality.{self.quality.data}").lower(), **days}


@pages.route("/mairie/<token>", methods=["GET", "POST"])
@access(PUBLIC)
@limited(LINKS, methods=("GET", "POST"))
def mairie(token):
    link, form = first_doors.opened(token), MairieForm(request.form if request.method == "POST" else None)
    if request.method == "POST" and form.validate():
        limits.spend((NAMED, digest(token)))
        first_doors.name(token, form.asked)
        return redirect(url_for(".mairie", token=token), 303)
    if request.method == "GET" and link.asked and "corriger" not in request.args:
        return render_template("public/mairie_demandee.html", token=token, link=link)
    return render_template("public/mairie.html", form=form, link=link), 422 if form.errors else 200


@pages.route("/mairie/compte/<token>", methods=["GET", "POST"])
@access(PUBLIC)
@limited(LINKS, methods=("GET", "POST"))
def compte_de_mairie(token):
    """Opening the link changes nothing: mail scanners open links too."""
    link = first_doors.proven(token)
    if request.method == "POST":
        return redirect(url_for(".invitation", token=first_doors.open_account(token)), 303)
    return render_template("public/mairie_compte.html", link=link)


@pages.errorhandler(MairieLinkDead)
@pages.errorhandler(AddressTaken)
def lien_de_mairie_mort(error):
    return render_template("public/mairie_perdue.html", error=error), error.status
