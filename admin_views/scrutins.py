"""The calendar and its rules, as the ministry types them: scrutins, tours, days of territories, rules."""
import datetime

from flask import request
from flask_admin.model.template import macro
from flask_babel import gettext, lazy_gettext
from wtforms.validators import ValidationError

from admin_views.base import ScopedView, words
from admin_views.paging import GREATEST
from models import COUNTRY, Commune, Rules, Scrutin, Tour, TourDay, now
from portal import jobs, law, step_up, tours
from portal.access import MINISTRY
from portal.catalogue import PARIS
from portal.communes import find

A_WEEK = datetime.timedelta(days=7)     # between two tours


class ForTheCountry(ScopedView):
    """What a whole country votes by: who writes it proves anew that it is them."""

    create_view = step_up.wanted(ScopedView.create_view)
    edit_view = step_up.wanted(ScopedView.edit_view)
    delete_view = step_up.wanted(ScopedView.delete_view)


# --- Territories ----------------------------------------------------------------------------------------------------

def territory(form, field):
    """The country, a département or a commune of today."""
    of_departement = Commune.select().where(Commune.departement == field.data)
    if not (field.data == COUNTRY or find(field.data) or of_departement.exists()):
        raise ValidationError(gettext("field.territory"))


class InTerritory(ForTheCountry):
    """Rows of a territory, told in words: one statement for the names of communes."""

    column_formatters = {"territory": lambda view, context, row, name: row.where}
    form_args = {"territory": {"validators": [territory]}}
    hints = ("territory",)

    def load(self, rows):
        super().load(rows)
        place(rows)


def place(rows):
    """Give each row `where`, its territory in words."""
    wanted = {row.territory for row in rows}
    labels = {commune.code: commune.label for commune in Commune.select().where(Commune.code.in_(wanted))}
    for row in rows:
        row.where = labels.get(row.territory) or territory_in_words(row.territory)


def territory_in_words(code):
    return gettext("territory.all") if code == COUNTRY else gettext("territory.departement", code=code)


# --- The calendar ---------------------------------------------------------------------------------------------------

def next_hour():
    """Typed and shown on the clock of Paris."""
    return now().astimezone(PARIS).replace(minute=0, second=0, microsecond=0) + datetime.timedelta(hours=1)


class ScrutinView(InTerritory):
    roles = MINISTRY
    rights = {"create": MINISTRY, "edit": MINISTRY}
    column_list = ("name", "territory", "tours", "opens_at")
    column_details_list = form_columns = ("name", "territory", "opens_at")
    column_formatters = {**InTerritory.column_formatters, "tours": macro("cell_tours")}
    column_formatters_detail = InTerritory.column_formatters
    hints = ("name", "territory", "opens_at")
    list_template = "admin/ministry/scrutins.html"
    details_template = "admin/ministry/scrutin.html"
    newest_first = True

    def proposed(self):
        return {"opens_at": next_hour()}

    def load(self, rows):
        super().load(rows)
        tours = list(Tour.select().where(Tour.scrutin.in_(rows)).order_by(Tour.number))
        for row in rows:
            row.held = [tour for tour in tours if tour.scrutin_id == row.id]

    def beside(self, row):
        rules = list(Rules.select().where(Rules.scrutin == row).order_by(Rules.territory))
        place(rules)
        return {"rules": rules}


def asked_scrutin():
    """The scrutin one came from, None otherwise."""
    number = request.args.get("scrutin", type=int)
    return number and abs(number) < GREATEST and Scrutin.get_or_none(Scrutin.id == number) or None


def in_order(form, field):
    """The second tour comes after the first, whichever is typed."""
    if field.data and not (form["scrutin"].errors or form["number"].errors):
        other = Tour.get_or_none(Tour.scrutin == form["scrutin"].data, Tour.number != form["number"].data)
        if other and (field.data >= other.day if other.number == 2 else field.data <= other.day):
            raise ValidationError(gettext("field.tour_order"))


class FollowedByFiles(ForTheCountry):
    """Rows that say when a tour is held: the files that cover it follow."""

    def follow(self, row):
        tour = row.tour_id if isinstance(row, TourDay) else row.id
        if Tour.select().where(Tour.id == tour).exists():
            jobs.later("couvrir", tour)

    def change(self, form, row):
        row = super().change(form, row)
        tours.check_ahead(row)
        return row


class TourView(FollowedByFiles):
    roles = MINISTRY
    rights = {"create": MINISTRY, "edit": MINISTRY, "delete": MINISTRY}
    column_list = ("scrutin.name", "number", "day")
    column_formatters = {"number": lambda view, context, row, name: words("TOURS")[row.number]}
    form_columns = ("scrutin", "number", "day")
    form_args = {"number": {"choices": lambda: list(words("TOURS").items())}, "day": {"validators": [in_order]}}
    hints = ("day",)
    details_template = "admin/ministry/tour.html"
    keyset = (Tour.day, Tour.id)
    newest_first = True
    related = (Tour.scrutin,)

    def proposed(self):
        """Of the scrutin one came from: its first tour, or the second a week later."""
        scrutin = asked_scrutin()
        first = scrutin and Tour.get_or_none(Tour.scrutin == scrutin, Tour.number == 1)
        return {"scrutin": scrutin, **({"number": 2, "day": first.day + A_WEEK} if first else {"number": 1})}

    def beside(self, row):
        days = list(row.days.order_by(TourDay.territory))
        place(days)
        return {"days": days, "job": jobs.of("couvrir", row.id)}

    def title_of(self, row):
        return tour_in_words(row)


def tour_in_words(tour):
    return f"{tour.scrutin.name}, {words('TOURS')[tour.number]}"


def tours_in_words(rows):
    """One more statement, however many."""
    wanted = {row.scrutin_id for row in rows}
    names = {scrutin.id: scrutin.name for scrutin in Scrutin.select().where(Scrutin.id.in_(wanted))}
    return [f"{names[row.scrutin_id]}, {words('TOURS')[row.number]}" for row in rows]


def asked_tour():
    """The tour one came from, None otherwise."""
    number = request.args.get("tour", type=int)
    return number and abs(number) < GREATEST and Tour.get_or_none(Tour.id == number) or None


def local_order(form, field):
    """Where the tours have days of their own, the second still comes after the first."""
    tour, territory = form["tour"], form["territory"]
    if not field.data or tour.errors or territory.errors:
        return
    own = Tour.get_by_id(tour.data)
    other = Tour.get_or_none(Tour.scrutin == own.scrutin_id, Tour.number != own.number)
    local = other and other.days.where(TourDay.territory == territory.data).first()
    day = local.day if local else other and other.day
    if day and (field.data >= day if own.number == 1 else field.data <= day):
        raise ValidationError(gettext("field.tour_order"))


class TourDayView(FollowedByFiles, InTerritory):
    """Where a tour is held on another day, or not at all."""

    roles = MINISTRY
    rights = {"create": MINISTRY, "edit": MINISTRY, "delete": MINISTRY}
    column_list = ("tour", "territory", "day")
    form_columns = ("tour", "territory", "day")
    form_args = {**InTerritory.form_args, "tour": {"told": tours_in_words}, "day": {"validators": [local_order]}}
    column_formatters = {**InTerritory.column_formatters, "tour": lambda view, context, row, name: row.told,
                         "day": macro("cell_local_day")}
    hints = ("territory", "day")
    newest_first = True
    related = (TourDay.tour,)
    list_template = "admin/ministry/jours.html"
    details_template = "admin/ministry/jour.html"

    def proposed(self):
        return {"tour": asked_tour()}

    def load(self, rows):
        super().load(rows)
        for row, text in zip(rows, tours_in_words([row.tour for row in rows])):
            row.told = text

    def title_of(self, row):
        return f"{row.told}, {row.where}"


def scrutin_or_all(view, context, row, name):
    return row.scrutin.name if row.scrutin else gettext("rules.all")


def in_all(form, field):
    """The places in all hold those established in France."""
    in_france = form["places_france"]
    if field.data is not None and not in_france.errors and field.data < in_france.data:
        raise ValidationError(gettext("field.places"))


class RulesView(InTerritory):
    roles = MINISTRY
    rights = {"create": MINISTRY, "edit": MINISTRY, "delete": MINISTRY}
    column_list = ("territory", "scrutin.name", "places_france", "places", "same_commune", "lists", "mode",
                   "certified_identity")
    form_columns = ("scrutin", "territory", "places_france", "places", "same_commune", "lists", "mode",
                    "certified_identity")
    column_formatters = {**InTerritory.column_formatters,
                         "scrutin.name": scrutin_or_all,
                         "mode": lambda view, context, row, name: gettext(f"mode.{row.mode}"),
                         "lists": lambda view, context, row, name: gettext(f"lists.{row.lists}")}
    form_args = {**InTerritory.form_args,
                 "places": {"validators": [in_all]},
                 "mode": {"choices": [(mode, lazy_gettext(f"mode.{mode}")) for mode in Rules.MODES]},
                 "lists": {"choices": [(lists, lazy_gettext(f"lists.{lists}")) for lists in Rules.LISTS]}}
    hints = ("scrutin", "territory", "places_france", "places", "same_commune", "lists", "mode", "certified_identity")
    create_template = "admin/ministry/regle_nouvelle.html"
    details_template = "admin/ministry/of_scrutin.html"
    related = (Rules.scrutin,)

    def proposed(self):
        """Of the scrutin one came from, after one of the law's sets if one was chosen."""
        return {**law.RULE_SETS.get(request.args.get("modele"), {}), "scrutin": asked_scrutin()}

    def title_of(self, row):
        return ", ".join(filter(None, (row.where, row.scrutin and row.scrutin.name)))


def views():
    return [ScrutinView(Scrutin, "scrutins"), TourView(Tour, "tours"), TourDayView(TourDay, "jours"),
            RulesView(Rules, "regles")]
