"""The request: one form, one URL, two renderings (the fields, then the check page), and its confirmation."""
from flask import abort, render_template
from flask_login import current_user

from models import Procuration
from portal.access import VOTERS, access
from portal.pages import pages


@pages.route("/demande", methods=["GET", "POST"])
@access(VOTERS)
def demande():
    return render_template("public/demande.html")


@pages.get("/demande/<int:number>/confirmation")
@access(VOTERS)
def confirmation(number):
    procuration = Procuration.get_or_none(Procuration.id == number, Procuration.voter == current_user.actor)
    return render_template("public/confirmation.html", procuration=procuration or abort(404))
