"""The start page, the pages that only say something, and the list of communes for the form's field."""
import datetime

from flask import current_app, jsonify, render_template, request
from flask_babel import gettext
from peewee import SQL, fn

from models import Procuration, now
from portal.access import PUBLIC, access
from portal.communes import suggest
from portal.pages import pages

LIST_KEPT = 3600                                        # seconds; the official list changes once a year
FIGURES_KEPT = datetime.timedelta(minutes=5)            # counting reads the whole index


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
    counted_at, counts = figures()
    return render_template("public/statistiques.html", counted_at=counted_at, counts=counts)


def figures():
    """When they were counted, and how many files are in each state: nobody's name, commune or mandataire."""
    kept = current_app.extensions.get("figures")
    if kept is None or now() > kept[0] + FIGURES_KEPT:
        rows = Procuration.select(Procuration.status, fn.COUNT(SQL("*"))).group_by(Procuration.status).tuples()
        kept = current_app.extensions["figures"] = now(), dict(rows)
    return kept


@pages.get("/communes")
@access(PUBLIC)
def communes():
    """[{"label": "Lyon (69)", "note": "…"}] for what is typed; `note` where another name than today's was found."""
    answer = jsonify([suggestion(name) for name in suggest(request.args.get("q", ""))])
    answer.cache_control.public, answer.cache_control.max_age = True, LIST_KEPT
    answer.add_etag()
    return answer.make_conditional(request)


def suggestion(name):
    """A name as communes.js shows it."""
    note = {} if name.name == name.commune.name else {"note": gettext(f"commune.{name.kind}", name=name.name)}
    return {"label": name.commune.label, **note}
