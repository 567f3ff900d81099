"""“Comptes”, “Importer”: a file of officers, of first managers or of mairies' addresses that the ministry takes in."""
from flask import abort, flash, make_response, redirect, request
from flask_admin import expose
from flask_babel import gettext, lazy_gettext
from wtforms import BooleanField, FileField, Form
from wtforms.validators import InputRequired

from admin_views import export
from admin_views.base import RoleView
from admin_views.policy import visible
from models import AgentFile, AgentLine
from portal import agent_import, jobs, journal, step_up
from portal.access import MINISTRY
from portal.agent_files import COLUMNS
from portal.agent_import import APPLY, INVITE, READ, AgentFileReplaced
from portal.errors import Refused
from portal.throttling import EXPORTS, actor, limited

LARGEST_FILE = 64 * 1024 * 1024     # bytes: 200 000 lines
REFRESH = "3"                       # seconds
MOST_SHOWN = 100                    # refused lines; all are in the report
UNDER_WAY = {"receiving": READ, "reading": READ, "applying": APPLY}


class UploadForm(Form):
    file = FileField(lazy_gettext("imports.file"), [InputRequired(lazy_gettext("imports.file.missing"))],
                     render_kw={"accept": ".csv,text/csv"})


class ConfirmForm(Form):
    invite = BooleanField(lazy_gettext("imports.invite"))


class ImportView(RoleView):
    roles = MINISTRY

    def is_visible(self):
        return False        # the grid of accounts leads here

    @expose("/")
    def index_view(self):
        return self.page(UploadForm())

    @expose("/envoyer", methods=("POST",))
    @step_up.wanted(form="imports.index_view")
    def envoyer(self):
        form = UploadForm(request.files)
        if not form.validate():
            return self.page(form), 422
        try:
            agent_import.receive(self.actor, form.file.data.stream)
        except Refused as refusal:
            form.file.errors = [refusal.sentence]
            return self.page(form), refusal.status
        return redirect(self.get_url(".index_view"), 303)

    envoyer.largest_form = LARGEST_FILE

    @expose("/confirmer", methods=("POST",))
    @step_up.wanted
    def confirmer(self):
        agent_import.confirm(self.file_sent(), invite=ConfirmForm(request.form).invite.data)
        return redirect(self.get_url(".index_view"), 303)

    @expose("/inviter", methods=("POST",))
    @step_up.wanted
    def inviter(self):
        agent_import.invite(self.file_sent())
        return redirect(self.get_url(".index_view"), 303)

    @expose("/abandonner", methods=("POST",))
    def abandonner(self):
        agent_import.discard(self.file_sent())
        flash(gettext("imports.discarded"), "info")
        return redirect(self.get_url(".index_view"), 303)

    @expose("/rapport")
    @limited(EXPORTS, methods=("GET", "POST"), by=actor)
    def rapport(self):
        """Every line of the file and what comes of it, as CSV. The journal says that it left."""
        file = self.file() or abort(404)
        numbers = AgentLine.select(AgentLine.line).where(AgentLine.file == file).order_by(AgentLine.line)
        lines = [line for line, in numbers.tuples()]
        export.want_proof(lines)
        journal.record(self.actor, "exporter", "agent_file", file.id)
        titles = [gettext(f"imports.title.{name}") for name in ("line", "subject", "outcome", "column", "fault")]
        return export.stream(titles, lines, lambda some: told(file, some), "import.csv")

    # --- The file that is there ---

    def file(self):
        return visible(AgentFile, self.actor).where(AgentFile.state != "former").order_by(AgentFile.id.desc()).first()

    def file_sent(self):
        """The file the page was about; AgentFileReplaced when it is another one by now."""
        file = self.file()
        if file is None or file.fingerprint != request.form.get("file"):
            raise AgentFileReplaced()
        return file

    def page(self, form):
        """The upload where there is no file, how far one is, what is in it, what came of it."""
        file = self.file()
        busy, paused = file is not None and file.state in UNDER_WAY, "pause" in request.args
        answer = make_response(self.render(
            "admin/ministry/importer.html", file=file, form=form, busy=busy, paused=paused, columns=COLUMNS,
            confirm=ConfirmForm(invite=True), percent=percent_of(file) if busy else None,
            refusal=file and agent_import.refusal_of(file), refused=refused(file), sentence_of=agent_import.sentence_of,
            inviting=jobs.of(INVITE, file.id) if file and file.invite else None))
        if busy and not paused:
            answer.headers["Refresh"] = REFRESH
        return answer


def refused(file):
    return agent_import.refusals(file, most=MOST_SHOWN) if file else []


def percent_of(file):
    job = jobs.of(UNDER_WAY[file.state], file.id)
    done = file.line if file.state == "reading" else job.done if job else 0
    return min(99, 100 * done // job.total) if job and job.total else 0


def told(file, some):
    """Rows of the report."""
    lines = AgentLine.select().where(AgentLine.file == file, AgentLine.line.in_(some)).order_by(AgentLine.line)
    return [[line.line, line.subject, gettext(f"imports.outcome.{line.outcome}"),
             COLUMNS[line.cell][0] if line.cell else "",
             agent_import.sentence_of(line) if line.outcome == "refused" else ""] for line in lines]


def views():
    return [ImportView(endpoint="imports", url="agents/importer")]
