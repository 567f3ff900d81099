"""The start page, the pages that only say something, and the list of communes for the form's field."""
import datetime

from flask import current_app, jsonify, render_template, request
from flask_babel import gettext
from peewee import SQL, fn

from models import BEFORE_ESTABLISHMENT, COUNTRY, Procuration, now
from portal import scrutins
from portal.access import PUBLIC, access
from portal.communes import suggest
from portal.pages import pages
from portal.throttling import LISTS, limited

LIST_KEPT = 3600                                        # seconds; the official list changes once a year
FIGURES_KEPT = datetime.timedelta(minutes=5)            # counting reads the whole index
POLL_KEPT = datetime.timedelta(minutes=1)
TIME_TO_CHECK = datetime.timedelta(days=3)              # a mairie flooded on the last evening may not get to all


@pages.get("/")
@access(PUBLIC)
def accueil():
    return render_template("public/accueil.html", poll=kept("poll", POLL_KEPT, next_poll)[1])


def next_poll():
    """The national scrutin that takes requests and votes first, None where there is none.

    Its name, the (number, day) of its tours, and the day by which a request is best presented: None once it is past.
    """
    tours = [tour for tour in scrutins.open_for_requests(scrutins.upcoming()) if tour.scrutin.territory == COUNTRY]
    of_it = [tour for tour in tours if tour.scrutin_id == tours[0].scrutin_id]
    if not of_it:
        return None
    advised = of_it[0].day - TIME_TO_CHECK
    return {"name": of_it[0].scrutin.name, "tours": [(tour.number, tour.day) for tour in of_it],
            "present_by": advised if advised >= now().date() else None}


def kept(name, time, find):
    """(when it was found, what `find` gave), found again once `time` has passed; one copy per process."""
    found = current_app.extensions.get(name)
    if found is None or now() > found[0] + time:
        found = current_app.extensions[name] = now(), find()
    return found


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


@pages.get("/plan-du-site")
@access(PUBLIC)
def plan_du_site():
    return render_template("public/plan_du_site.html")


@pages.get("/statistiques")
@access(PUBLIC)
def statistiques():
    counted_at, counts = kept("figures", FIGURES_KEPT, figures)
    established = sum(count for status, count in counts.items() if status not in BEFORE_ESTABLISHMENT)
    return render_template("public/statistiques.html", counted_at=counted_at, counts=counts, established=established)


def figures():
    """How many files are in each state: nobody's name, commune or mandataire."""
    return dict(Procuration.select(Procuration.status, fn.COUNT(SQL("*"))).group_by(Procuration.status).tuples())


@pages.get("/communes")
@access(PUBLIC)
@limited(LISTS, methods=("GET",))
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
