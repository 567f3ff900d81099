"""The mandant's address: the link that confirms a changed one, another link, a correction."""
from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user

from portal import addresses
from portal.access import PUBLIC, VOTERS, access
from portal.addresses import AddressLinkDead, LinkJustSent, NothingMoreToTell, TooManyLinks
from portal.fields import AddressField, Needed, PlainForm
from portal.pages import pages
from portal.pages.mes_procurations import own
from portal.throttling import LINKS, limited


class AdresseForm(PlainForm):
    email = AddressField(validators=[Needed()])

    def __init__(self, voter, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.voter = voter


# --- From the mail: whoever reads it, logged in or not --------------------------------------------------------------

@pages.get("/adresse/<token>")
@access(PUBLIC)
@limited(LINKS, methods=("GET",))
def lien(token):
    if addresses.opened(token).awaits_confirmation:
        return render_template("public/adresse_lien.html", token=token)
    return render_template("public/adresse_confirmee.html")


@pages.post("/adresse/<token>")
@access(PUBLIC)
@limited(LINKS)
def confirmer_adresse(token):
    addresses.confirm(token)
    return redirect(url_for(".lien", token=token), 303)


@pages.errorhandler(AddressLinkDead)
def lien_mort(error):
    return render_template("public/adresse_perdue.html", error=error), error.status


# --- From the voter's own pages -------------------------------------------------------------------------------------

@pages.post("/mes-procurations/<int:number>/adresse/renvoyer")
@access(VOTERS)
@limited(LINKS)
def renvoyer_lien(number):
    procuration = own(number)
    addresses.send_again(procuration, current_user.actor)
    flash(gettext("adresse.renvoye", address=procuration.email), "success")
    return redirect(url_for(".mes_procurations"), 303)


@pages.route("/mes-procurations/<int:number>/adresse", methods=["GET", "POST"])
@access(VOTERS)
def adresse(number):
    procuration = own(number)
    if not addresses.is_told_of(procuration):
        raise NothingMoreToTell()
    form = AdresseForm(current_user.actor, request.form, data={"email": procuration.email})
    if request.method == "POST" and form.validate() and _correct(form, procuration):
        return redirect(url_for(".mes_procurations"), 303)
    return render_template("public/adresse_corriger.html", form=form,
                           procuration=procuration), 422 if form.errors else 200


def _correct(form, procuration):
    """The former address typed again is no correction: it asks for another link, where it waits for one."""
    email, voter = form.email.data, current_user.actor
    if email == procuration.email and not procuration.awaits_confirmation:
        flash(gettext("adresse.meme", address=email), "info")
        return True
    try:
        if email == procuration.email:
            addresses.send_again(procuration, voter)
        else:
            addresses.correct(procuration, email, voter)
    except (LinkJustSent, TooManyLinks) as error:
        form.email.errors = [error.sentence]
        return False
    known = addresses.is_known(email, voter)
    flash(gettext("adresse.connue" if known else "adresse.corrigee", address=email), "success")
    return True
