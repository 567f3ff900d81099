"""“Je ne retrouve pas ma demande”: the search, and the link that its mail brings."""
from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from wtforms import StringField

from portal import retrouver as service
from portal.access import VOTERS, access
from portal.fields import Needed, PlainForm
from portal.pages import pages
from portal.retrouver import RetrouverLinkDead, TooManySearches
from portal.throttling import LINKS, limited


class RetrouverForm(PlainForm):
    lost = StringField(validators=[Needed()])

    fault = 422


@pages.route("/mes-procurations/retrouver", methods=["GET", "POST"])
@access(VOTERS)
@limited(LINKS)
def retrouver():
    form = RetrouverForm(request.form)
    if request.method == "POST" and form.validate() and searched(form):
        flash(gettext("retrouver.cherche"), "info")
        return redirect(url_for(".retrouver"), 303)
    return render_template("public/retrouver.html", form=form), form.fault if form.errors else 200


def searched(form):
    try:
        service.search(form.lost.data, current_user.actor)
    except TooManySearches as error:
        form.lost.errors, form.fault = [error.sentence], error.status
        return False
    return True


@pages.get("/mes-procurations/retrouver/<token>")
@access(VOTERS)
@limited(LINKS, methods=("GET",))
def retrouvee(token):
    return render_template("public/retrouver_lien.html", token=token,
                           procuration=service.opened(token, current_user.actor))


@pages.post("/mes-procurations/retrouver/<token>")
@access(VOTERS)
@limited(LINKS)
def rattacher(token):
    service.attach(token, current_user.actor)
    flash(gettext("retrouver.faite"), "success")
    return redirect(url_for(".mes_procurations"), 303)


@pages.errorhandler(RetrouverLinkDead)
def retrouver_lien_mort(error):
    return render_template("public/retrouver_perdu.html", error=error), error.status
