"""What a voter asked for, where it stands, and how to withdraw it."""
from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from peewee import JOIN, prefetch

from models import (LIVE, Commune, Couverture, Passage, Personne, Procuration, Reference, Scrutin, Status, Tour,
                    TourDay, TourVise, now)
from portal import addresses, certified, procedure, resiliation, scrutins, voters
from portal.access import VOTERS, access
from portal.errors import AlreadyDecided
from portal.pages import pages

MOST = 100  # files on the page
GIVEN_UP = (Status.RETIREE, Status.CADUQUE, Status.RESILIEE)


@pages.get("/mes-procurations")
@access(VOTERS)
def mes_procurations():
    files = loaded(Procuration.voter == current_user.actor)
    typed = voters.paper_acts_of(current_user.actor)
    return render_template("public/mes_procurations.html", files=files, most=MOST,
                           papers=loaded(Procuration.id.in_(typed)) if typed else [])


@pages.get("/mes-procurations/<int:number>/retirer")
@access(VOTERS)
def confirmer_retrait(number):
    return render_template("public/retirer.html", procuration=waiting(number))


@pages.post("/mes-procurations/<int:number>/retirer")
@access(VOTERS)
def retirer(number):
    procuration = waiting(number)
    procuration.version = request.form.get("version", -1, int)  # as the voter saw it
    procedure.retirer(procuration, current_user.actor)
    flash(gettext("retrait.done"), "success")
    return redirect(url_for(".mes_procurations"), 303)


def own(number):
    """The voter's file `number`, with its commune."""
    found = (Procuration.select(Procuration, Commune).join(Commune)
             .where(Procuration.id == number, Procuration.voter == current_user.actor).get_or_none())
    return found or abort(404)


def waiting(number):
    """The voter's request `number`. Raises AlreadyDecided once it waits no more."""
    found = loaded(Procuration.id == number, Procuration.voter == current_user.actor)
    if not found:
        abort(404)
    if found[0].status != Status.DEPOSEE:
        raise AlreadyDecided(found[0].passages[-1])
    return found[0]


# --- Rows -----------------------------------------------------------------------------------------------------------

def loaded(*conditions):
    """Files with all a page shows of them, latest first: nine statements, however many files.

    Beside the rows of `models`: `days` (local day of each tour named, by its id), `held` and `missed` (tours on which
    it holds a place, and those on which it has none), `useless` (validated, then an older act took its last place: the
    town hall decides again, L. 73), `present_by` (last local day to present the request), `over` (its last day is
    past), `state` (the status, but a request that comes too late is caduque before the clock says so), `closed`
    (nothing more to expect of it), `ending` and `not_ended` (see `about_to_end`) and `link_refused` (see
    portal.addresses.undeliverable, the one more statement where an address waits).
    """
    files = (Procuration.select(Procuration, Commune, Scrutin)
             .join(Commune).join_from(Procuration, Scrutin, JOIN.LEFT_OUTER)
             .where(*conditions).order_by(Procuration.filed_at.desc(), Procuration.id.desc()).limit(MOST))
    files = prefetch(files, Personne.select(Personne, Commune).join(Commune, JOIN.LEFT_OUTER),
                     Reference.select().order_by(Reference.drawn_at.desc()),
                     Passage.select().order_by(Passage.version), TourVise.select(),
                     Couverture.select())
    tours, refused, accepted = tours_by_id(files), addresses.undeliverable(files), certified.accepted_among(files)
    for file in files:
        complete(file, tours)
        file.link_refused, file.without_visit = file.id in refused, file.id in accepted
    return files


def about_to_end(file, reference):
    """The latest résiliation asked of a file that lives: (the one that waits, the one that came to nothing)."""
    if reference is None or file.status not in LIVE or reference.reason == resiliation.GIVEN_UP:
        return None, None
    reference.procuration = file
    reference.present_by = resiliation.present_by(reference)
    return (reference, None) if resiliation.waits(reference) else (None, reference)


def tours_by_id(files):
    """The tours that `files` name or cover, with their scrutin and local days."""
    wanted = {row.tour_id for file in files for row in (*file.tours_vises, *file.couvertures)}
    found = Tour.select(Tour, Scrutin).join(Scrutin).where(Tour.id.in_(wanted)).order_by(Tour.day, Tour.number)
    return {tour.id: tour for tour in prefetch(found, TourDay.select())}


def complete(file, tours):
    """Fill what the macros read, from the rows already there."""
    commune = file.commune
    drawn = {reference.kind: reference for reference in reversed(file.references)}
    file.reference = drawn.get("etablir")
    file.ending, file.not_ended = about_to_end(file, drawn.get(resiliation.KIND))
    places = {row.tour_id: row.place for row in file.couvertures}
    file.held = [tour for number, tour in tours.items() if places.get(number)]
    file.missed = [tour for number, tour in tours.items() if number in places and not places[number]]
    file.useless = file.status == Status.VALIDEE and bool(file.missed) and not file.held
    file.tours_vises = [TourVise(procuration=file, tour=tour) for number, tour in tours.items()
                        if number in {vise.tour_id for vise in file.tours_vises}]
    file.days = {tour.id: scrutins.day_shown(tour, commune)
                 for tour in (*file.held, *file.missed, *(vise.tour for vise in file.tours_vises))}
    file.over = scrutins.has_ended(file)
    file.state = Status.CADUQUE if file.status == Status.DEPOSEE and file.lapses_at <= now() else file.status
    file.closed = file.over or file.state in GIVEN_UP
    file.present_by = scrutins.last_whole_day(file.lapses_at, commune) if file.lapses_at else None
