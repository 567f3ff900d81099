"""The start page and the pages that only say something."""
from flask import render_template

from portal.access import PUBLIC, access
from portal.pages import pages


@pages.get("/")
@access(PUBLIC)
def accueil():
    return render_template("public/accueil.html")


@pages.get("/aide")
@access(PUBLIC)
def aide():
    return render_template("public/aide.html")


@pages.get("/accessibilite")
@access(PUBLIC)
def accessibilite():
    return render_template("public/accessibilite.html")


@pages.get("/donnees-personnelles")
@access(PUBLIC)
def donnees_personnelles():
    return render_template("public/donnees_personnelles.html")


@pages.get("/statistiques")
@access(PUBLIC)
def statistiques():
    return render_template("public/statistiques.html")


@pages.get("/communes")
@access(PUBLIC)
def communes():
    return []
