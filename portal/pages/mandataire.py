"""What the mandataire's one mail leads to: who gives the procuration, a way to say no, a way to hear nothing more."""
from flask import redirect, render_template, url_for

from models import LIVE
from portal import mandataires, scrutins
from portal.access import PUBLIC, access
from portal.mandataires import MandataireLinkDead
from portal.pages import pages
from portal.throttling import LINKS, limited


@pages.get("/mandataire/<token>")
@access(PUBLIC)
@limited(LINKS, methods=("GET",))
def mandataire(token):
    return show("public/mandataire.html", token)


@pages.get("/mandataire/<token>/refuser")
@access(PUBLIC)
@limited(LINKS, methods=("GET",))
def confirmer_refus(token):
    return show("public/mandataire_refuser.html", token)


@pages.post("/mandataire/<token>/refuser")
@access(PUBLIC)
@limited(LINKS)
def decliner(token):
    mandataires.decline(token)
    return redirect(url_for(".mandataire", token=token), 303)


@pages.post("/mandataire/<token>/ne-plus-ecrire")
@access(PUBLIC)
@limited(LINKS)
def ne_plus_ecrire(token):
    mandataires.opt_out(token)
    return redirect(url_for(".mandataire", token=token), 303)


@pages.errorhandler(MandataireLinkDead)
def mandataire_lien_mort(error):
    return render_template("public/mandataire_perdu.html", error=error), error.status


def show(template, token):
    """`ended`: there is nothing to decline any more, for a reason that is the mandant's."""
    file = mandataires.opened(token)
    ended = file.status not in LIVE or scrutins.has_ended(file)
    return render_template(template, token=token, file=file, ended=ended,
                           silent=mandataires.wants_no_mail(file.mandataire.email))
