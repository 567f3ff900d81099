"""The voter's way in and out: FranceConnect."""
from flask import redirect, url_for

from portal import sessions
from portal.access import PUBLIC, access
from portal.pages import pages


@pages.post("/franceconnect/connexion")
@access(PUBLIC)
def connexion_franceconnect():
    return redirect(url_for(".accueil"), 303)


@pages.get("/franceconnect/retour")
@access(PUBLIC)
def retour():
    return redirect(url_for(".accueil"), 303)


@pages.post("/deconnexion")
@access(PUBLIC)
def deconnexion():
    sessions.end()
    return redirect(url_for(".accueil"), 303)
