"""The agents' way in: log-in by password, and the link by which an account's first password is chosen."""
from flask import redirect, url_for

from portal.access import PUBLIC, access
from portal.pages import pages


@pages.route("/connexion", methods=["GET", "POST"])
@access(PUBLIC)
def connexion():
    return redirect(url_for(".accueil"), 303)


@pages.route("/invitation/<token>", methods=["GET", "POST"])
@access(PUBLIC)
def invitation(token):
    return redirect(url_for(".accueil"), 303)
