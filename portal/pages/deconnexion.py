"""Leaving: ours ends first, whatever becomes of the provider's. Someone else may use this computer: all must end."""
import secrets

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext

from models import SingleUse, now
from portal import attempts, journal, sealed, sessions
from portal.access import PUBLIC, access
from portal.database import transaction
from portal.errors import LinkDead
from portal.pages import pages
from portal.pages.answers import log_out_url
from portal.single_use import digest, spend


NAMES = {"franceconnect": "FranceConnect", "proconnect": "ProConnect"}


@pages.post("/deconnexion")
@access(PUBLIC)
def deconnexion():
    ended = _end()
    if ended and ended.agent_id:
        return _leave("proconnect", ended.id_token, ".connexion")
    if ended and ended.certified_token and (url := _way_by_plus(ended)):
        return render_template("public/fin.html", url=url, there="plus")
    return _leave("franceconnect", ended and ended.id_token, ".accueil", whole=not (ended and ended.certified_token))


@pages.get("/deconnexion/suite")
@access(PUBLIC)
def suite_de_deconnexion():
    """Back from FranceConnect+; FranceConnect's own session comes next."""
    return _leave("franceconnect", _left_behind(request.args.get("state", "")), ".accueil")


def _end():
    with transaction():
        ended = sessions.end()
        actor = ended and (ended.voter or ended.agent)
        if actor:
            journal.record(actor, "deconnexion", "voter" if ended.voter_id else "agent", actor.id)
    return ended


def _leave(there, id_token, back, whole=True):
    """Out of the provider that gave `id_token`, if one did, and back to our page. `whole` unless another one did not
    answer."""
    provider = current_app.extensions[there]
    url = provider and id_token and log_out_url(provider, id_token, url_for(back))
    whole = whole and bool(url or not id_token)
    said = gettext("deconnexion.faite") if whole else gettext("deconnexion.seulement_ici", there=NAMES[there])
    page = render_template("public/fin.html", url=url, there=there) if url else redirect(url_for(back), 303)
    flash(said, "info")  # for our page, where the provider sends the browser back
    return page


# --- Two log-outs, one after the other ------------------------------------------------------------------------------

def _way_by_plus(ended):
    """To FranceConnect+, which ends first; the way on is found again by its state."""
    plus, state = current_app.extensions["franceconnect_plus"], secrets.token_urlsafe(32)
    url = plus and log_out_url(plus, ended.certified_token, "/deconnexion/suite", state)
    if url:
        SingleUse.create(hash=digest(state), kind="logout", expires_at=now() + attempts.LIFE,
                         subject=sealed.seal("logout", ended.id_token or ""))
    return url


def _left_behind(state):
    """FranceConnect's id_token of the session that ended, once; empty for a state that leads nowhere."""
    try:
        return sealed.unseal("logout", spend(state, "logout").subject)
    except (LinkDead, sealed.Unreadable):
        return ""
