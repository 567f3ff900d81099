"""The ministry's list of communes nobody answers for; and the mail of the morning, which a manager may refuse."""
from flask import flash, redirect, request
from flask_admin import expose
from flask_babel import gettext

from admin_views import export, paging
from admin_views.base import RoleView
from admin_views.paging import MOST_COUNTED
from models import now
from portal import catalogue, journal, scrutins, silences
from portal.access import MANAGERS, MINISTRY
from portal.throttling import EXPORTS, actor, limited

PAGE = 50
LAST_PAGE = 1000
TITLES = ("code", "commune", "population", "waiting", "oldest", "until", "seen", "address", "invited")


class SilenceView(RoleView):
    """Pages by OFFSET: their order is that of counts, which no index has; at most one row a commune."""

    roles = MINISTRY

    @expose("/")
    def index_view(self):
        number = min(max(request.args.get("page", 1, type=int), 1), LAST_PAGE)
        found = silences.page(PAGE + 1, PAGE * (number - 1))
        return self.render("admin/ministry/silences.html", rows=found[:PAGE], more=len(found) > PAGE, number=number,
                           total=paging.count(silences.silent(), MOST_COUNTED), most_counted=MOST_COUNTED, days=days_to)

    @expose("/export")
    @limited(EXPORTS, methods=("GET", "POST"), by=actor)
    def export_view(self):
        codes = silences.codes()
        export.want_proof(codes)
        journal.record(self.actor, "exporter", "commune")
        titles = [gettext(f"silences.{name}") for name in TITLES]
        return export.stream(titles, codes, lambda some: [told(silence) for silence in silences.some(some)],
                             "communes.csv")


def days_to(silence):
    """Until the last day that the first of its files covers, on its own calendar."""
    return (silence.until - scrutins.today(silence.commune)).days


def told(silence):
    commune = silence.commune
    return [commune.code, commune.label, commune.population, silence.waiting, _instant(silence.oldest),
            silence.until.isoformat(), _instant(silence.seen_at), gettext("yes" if commune.email else "no"),
            _instant(silence.invited_at)]


def _instant(value):
    return f"{value.astimezone(catalogue.PARIS):%Y-%m-%d %H:%M}" if value else ""


class ReminderView(RoleView):
    roles = MANAGERS

    @expose("/", methods=("GET", "POST"))
    def index_view(self):
        if request.method == "POST":
            wanted = request.form.get("rappels") == "oui"
            silences.want_reminders(self.actor, wanted)
            flash(gettext("reminders.on" if wanted else "reminders.off"), "success")
            return redirect(self.get_url(".index_view"), 303)
        return self.render("admin/commune/rappels.html", commune=self.actor.commune, now=now())


def views():
    return [SilenceView(endpoint="silences", url="communes-en-attente"),
            ReminderView(endpoint="rappels", url="rappels")]
