"""The question every refusal asks: one reason of the closed list of its act."""
from flask_babel import gettext, lazy_gettext
from wtforms import Form, RadioField
from wtforms.validators import InputRequired, ValidationError

from admin_views.base import words
from models import TRANSITIONS


class ReasonForm(Form):
    reason = RadioField(lazy_gettext("reason"), [InputRequired(lazy_gettext("error.ReasonMissing"))],
                        validate_choice=False)

    def __init__(self, act, *sent, **columns):
        super().__init__(*sent, **columns)
        self.reason.choices = [(reason, words("REASONS")[reason]) for reason in TRANSITIONS[act].reasons]

    def validate_reason(self, field):
        if field.data not in dict(field.choices):
            raise ValidationError(gettext("error.ReasonMissing"))
