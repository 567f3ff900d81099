"""Asking for a résiliation, what to present for it, and keeping the procuration after all."""
from flask import abort, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_login import current_user

from models import LIVE, Procuration
from portal import documents, resiliation
from portal.access import VOTERS, access
from portal.errors import AlreadyDecided, PollOver
from portal.pages import pages
from portal.pages.documents import back, sent
from portal.pages.mes_procurations import loaded, own


@pages.get("/mes-procurations/<int:number>/resilier")
@access(VOTERS)
def resilier(number):
    procuration = living(number)
    return to_present(number) if procuration.ending else render_template("public/resilier.html",
                                                                         procuration=procuration)


@pages.post("/mes-procurations/<int:number>/resilier")
@access(VOTERS)
def demander_resiliation(number):
    resiliation.demander(own(number), current_user.actor)
    return to_present(number)


@pages.get("/mes-procurations/<int:number>/resiliation")
@access(VOTERS)
def a_resilier(number):
    procuration = living(number)
    return render_template("public/resiliation.html", procuration=procuration) if procuration.ending else back()


@pages.get("/mes-procurations/<int:number>/resiliation.pdf")
@access(VOTERS)
def resiliation_pdf(number):
    reference = resiliation.awaited(own(number))
    return sent(reference and documents.attached(resiliation.ASKED, resiliation.facts(reference))[0])


@pages.post("/mes-procurations/<int:number>/resiliation/garder")
@access(VOTERS)
def garder(number):
    resiliation.renoncer(own(number), current_user.actor)
    flash(gettext("resiliation.kept"), "success")
    return back()


def to_present(number):
    return redirect(url_for(".a_resilier", number=number), 303)


def living(number):
    """The voter's procuration `number`, with all a page shows. Raises AlreadyDecided, PollOver."""
    found = loaded(Procuration.id == number, Procuration.voter == current_user.actor)
    if not found:
        abort(404)
    if found[0].status not in LIVE:
        raise AlreadyDecided(found[0].passages[-1])
    if found[0].over:
        raise PollOver()
    return found[0]
