"""The electoral roll of the own commune: what is there, who is on it, and the file that is to take its place."""
from flask import flash, make_response, redirect, request
from flask_admin import expose
from flask_babel import gettext, lazy_gettext
from peewee import JOIN
from wtforms import BooleanField, FileField, Form
from wtforms.validators import DataRequired, InputRequired

from admin_views.base import RoleView
from admin_views.policy import commune_of, visible
from admin_views.searching import Searching
from models import TOWN_HALL, Agent, Roll, RollFile
from portal import jobs, journal, roll_import, rolls
from portal.errors import Refused
from portal.roll_import import READ, RollReplaced, RollSmaller

LARGEST_FILE = 64 * 1024 * 1024     # bytes: 250 000 electors; more by `flask roll import`
MOST_FOUND = 50                     # electors of a search
REFRESH = "3"                       # seconds


class UploadForm(Form):
    file = FileField(lazy_gettext("roll.file"), [InputRequired(lazy_gettext("roll.file.missing"))],
                     render_kw={"accept": ".csv,text/csv"})


class WholeForm(Form):
    """Asked where the new roll is much smaller than the former one."""

    whole = BooleanField(lazy_gettext("roll.whole"), [DataRequired(lazy_gettext("roll.whole.missing"))])


class RollView(Searching, RoleView):
    roles = frozenset(TOWN_HALL)
    searchable = True

    def kept(self, **arguments):
        return arguments

    @expose("/")
    def index_view(self):
        search = self.search()
        found = rolls.search(self.actor.commune, search.words, MOST_FOUND + 1) if search else []
        if found:
            journal.record(self.actor, "consulter", "elector", *(elector.id for elector in found[:MOST_FOUND]))
        return self.render("admin/commune/liste.html", rolls=list(with_who_sent_it(visible(Roll, self.actor))),
                           file=self.file(), search=search, found=found[:MOST_FOUND], more=len(found) > MOST_FOUND,
                           acquaintance=rolls.acquaintance(self.actor.commune))

    @expose("/importer")
    def importer(self):
        return self.page(self.file(), UploadForm(), WholeForm())

    @expose("/envoyer", methods=("POST",))
    def envoyer(self):
        form = UploadForm(request.files)
        if not form.validate():
            return self.page(None, form, None), 422
        try:
            roll_import.receive(self.actor.commune, self.actor, form.file.data.stream)
        except Refused as refusal:
            form.file.errors = [refusal.sentence]
            return self.page(None, form, None), refusal.status
        return redirect(self.get_url(".importer"), 303)

    envoyer.largest_form = LARGEST_FILE

    @expose("/remplacer", methods=("POST",))
    def remplacer(self):
        file, form = self.file_sent(), WholeForm(request.form)
        try:
            roll_import.replace(file, self.actor, smaller=form.whole.data)
        except RollSmaller:
            form.validate()
            return self.page(file, UploadForm(), form), 422
        flash(gettext("roll.replaced"), "success")
        return redirect(self.get_url(".index_view"), 303)

    @expose("/abandonner", methods=("POST",))
    def abandonner(self):
        roll_import.discard(self.file_sent())
        flash(gettext("roll.discarded"), "info")
        return redirect(self.get_url(".index_view"), 303)

    # --- The file that waits ---

    def file(self):
        return visible(RollFile, self.actor).get_or_none()

    def file_sent(self):
        """The file the page was about; RollReplaced when it is another one by now."""
        file = self.file()
        if file is None or file.fingerprint != request.form.get("file"):
            raise RollReplaced()
        return file

    def page(self, file, form, whole):
        """The upload where there is no file, how far one is read, why it is refused, or what is in it."""
        reading = file is not None and file.state in ("receiving", "reading")
        paused = "pause" in request.args
        answer = make_response(self.render(
            "admin/commune/liste_importer.html", file=file, form=form, whole=whole, reading=reading, paused=paused,
            percent=percent_of(file) if reading else None, refusal=file and roll_import.refusal_of(file),
            current=rolls.current(commune_of(self.actor)), smaller=is_smaller(file),
            acquaintance=roll_import.acquaintance(file) if file and file.state == "ready" else None))
        if reading and not paused:
            answer.headers["Refresh"] = REFRESH
        return answer


def with_who_sent_it(rolls):
    return rolls.select_extend(Agent.id, Agent.first_name, Agent.last_name).join(Agent, JOIN.LEFT_OUTER)


def percent_of(file):
    job = jobs.of(READ, file.id)
    return min(99, 100 * file.line // job.total) if job and job.total else 0


def is_smaller(file):
    """Does the file want somebody to confirm its size?"""
    if file is None or file.state != "ready":
        return False
    try:
        roll_import.check_size(file.commune_id, file.report)
    except RollSmaller:
        return True
    return False


def views():
    return [RollView(endpoint="liste", url="liste")]
