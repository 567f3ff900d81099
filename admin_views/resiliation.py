"""A résiliation that reached the town hall on paper: what the act says, the mail as it will leave, then the act."""
import datetime

from flask import request
from flask_admin import expose
from wtforms import HiddenField

from admin_views.papier import last_typed
from portal import paper_forms, procedure, scrutins
from portal.fields import DayField, PlainForm, stop
from portal.paper_forms import AND, LONGEST_PLACE, LONGEST_QUALITY, AuthorityField, ShortField


PROPOSED = ("authority", "quality", "place")


class PaperEndForm(PlainForm):
    """The authority, the place and the day, as written on the act that ends `file`."""

    scope = "papier."
    reason = None           # the mandant gives none

    version = HiddenField()
    authority = AuthorityField(most=LONGEST_QUALITY)
    quality = ShortField(most=LONGEST_QUALITY)
    place = ShortField(most=LONGEST_PLACE)
    established_on = DayField()

    def __init__(self, file, *sent):
        super().__init__(*sent, data={"version": file.version})
        self.file, self.established_on.flags.required = file, True

    def validate_established_on(self, field):
        day, commune = datetime.date.fromisoformat(field.data), self.file.commune
        if day > scrutins.today(commune):
            raise stop(field, "future")
        if day < scrutins.local_day(self.file.established_at, commune):
            raise stop(field, "before")

    @property
    def reasons(self):
        """What a mail says of it: no reason, no comment, the act."""
        return None, "", self.evidence

    @property
    def evidence(self):
        """What `procedure.resilier` keeps."""
        return {"authority": AND.join((self.authority.data, self.quality.data)), "place": self.place.data,
                "day": self.established_on.data}


class EndedOnPaper:
    """Of the view of procurations."""

    @expose("/resilier/", methods=("GET", "POST"))
    def resilier_view(self):
        row = self.get_one(request.values.getlist("id"))
        if refusal := procedure.refusal(row, "resilier"):
            return self.told(row, refusal)
        self.load([row])
        form = PaperEndForm(row, *([request.form] if request.method == "POST" else ()))
        if not self.validate_form(form) or "modifier" in request.form:
            return self.ask_what_it_says(row, form)
        if "confirmer" in request.form:
            return self.decide("resilier", self.as_seen(), form.evidence)
        return self.preview("resilier", row, form)

    def ask_what_it_says(self, row, form):
        self.trace_reading([row])
        return self.render("admin/commune/resilier.html", model=row, form=form,
                           proposed=self.authorities(row)), 422 if form.errors else 200

    def authorities(self, row):
        """What may well be written on the act, by field: the authority of the procuration, and that of the act on
        paper which the agent typed last. Proposed, never filled in: this act is another."""
        known = [paper_forms.authority_of(file) for file in (row, last_typed(self.actor)) if file and file.authority]
        return {name: list(dict.fromkeys(one[name] for one in known if one[name])) for name in PROPOSED}
