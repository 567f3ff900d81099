"""`/admin/`: what waits for an agent today. The officer's work begins at the counter itself."""
import datetime

from flask import abort, redirect, url_for
from flask_admin import expose
from flask_login import current_user

from admin_views import paging
from admin_views.base import RoleView
from admin_views.commune import DECISIONS, days_since, to_decide, without_a_place, zone_of
from admin_views.paging import MOST_COUNTED
from admin_views.policy import visible
from models import TOWN_HALL, Event, Mail, Passage, Procuration, Role, now
from portal import access, attention, jobs, scrutins, silences

AHEAD = datetime.timedelta(days=365)        # how far the next poll is looked for


class Start(RoleView):
    """Counts only, and none beyond a thousand: a page that opens at once on the busiest day."""

    roles = access.AGENTS

    @expose("/")
    def index(self):
        if self.actor.role in TOWN_HALL:
            return self.render("admin/commune/accueil.html", **town_hall(self.actor))
        if self.actor.role == Role.MINISTRY:
            return self.render("admin/ministry/accueil.html", **ministry())
        first = next((view for view in entries(self.admin) if view is not self), None) or abort(404)
        return redirect(url_for(f"{first.endpoint}.{first._default_view}"), 303)

    def is_visible(self):
        return self.actor.role != Role.OFFICER


def entries(admin):
    """The views the current user may open, in the order of the menu."""
    if not current_user.is_authenticated:
        return []
    return [view for view in admin._views if view.is_accessible() and view.is_visible()]


# --- The town hall --------------------------------------------------------------------------------------------------

def town_hall(agent):
    waiting = visible(Procuration, agent).where(to_decide(agent.commune))
    oldest = waiting.order_by(Procuration.established_at, Procuration.id).first()
    today = scrutins.today(agent.commune)
    return {"most_counted": MOST_COUNTED, "waiting": paging.count(waiting, MOST_COUNTED), "oldest": oldest,
            "oldest_waits": oldest and days_since(oldest.established_at, zone_of(oldest)),
            "blocked": paging.count(waiting.where(without_a_place()), MOST_COUNTED),
            "attention": paging.count(visible(Procuration, agent).where(
                Procuration.attention.is_null(False), attention.still_matters(agent.commune)), MOST_COUNTED),
            "letters": paging.count(visible(Mail, agent).where(Mail.state == "letter"), MOST_COUNTED),
            "polls": polls(agent.commune, today), "today": today, "decided": decided_by(agent, today)}


def polls(commune, today):
    """The next scrutin of the commune: its tours with their local days."""
    tours = scrutins.voted_in(scrutins.upcoming(), commune, today, today + AHEAD)
    return [(tour, scrutins.day_of(tour, commune)) for tour in tours if tour.scrutin == tours[0].scrutin]


def decided_by(agent, today):
    own = Passage.select().where(Passage.agent == agent, Passage.at >= scrutins.begin_of(today, agent.commune),
                                 Passage.act.in_(DECISIONS))
    return paging.count(own, MOST_COUNTED)


# --- The ministry ---------------------------------------------------------------------------------------------------

def ministry():
    late = now() - datetime.timedelta(minutes=15)
    mails = {name: paging.count(Mail.select().where(*conditions), MOST_COUNTED) for name, conditions in (
        ("dead", (Mail.state == "dead",)), ("late", (Mail.state == "waiting", Mail.next_at < late)))}
    tours = scrutins.upcoming()
    following = [tour for tour in tours if tour.scrutin == tours[0].scrutin]
    return {"most_counted": MOST_COUNTED, **mails, "tours": following, "today": now().date(),
            "troubled": paging.count(jobs.troubled(now()), MOST_COUNTED),
            "silent": paging.count(silences.silent(), MOST_COUNTED),
            "unsealed": paging.count(Event.select().where(Event.seq.is_null()), MOST_COUNTED)}
