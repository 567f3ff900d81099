"""Fields of the back office's forms, made from the columns of a model."""
from flask_admin.contrib.peewee.form import CustomModelConverter
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from peewee import CharField, DateField, ForeignKeyField, IntegerField, TextField
from wtforms import fields
from wtforms.validators import Length, NumberRange, StopValidation
from wtfpeewee.orm import ValueRequired

from admin_views.policy import visible
from models import UTC, UtcDateTimeField
from portal.catalogue import PARIS

MOST_CHOICES = 300
LARGEST = 2 ** 31 - 1       # of an INTEGER column


def printable(form, field):
    """No control or direction characters; a long text may have several lines."""
    text = "".join(field.data.split("\n")).replace("\r", "") if isinstance(field.data, str) else ""
    if not text.isprintable():
        raise StopValidation(gettext("field.unprintable"))


def filled(form, field):
    """Something was typed. What it was not understood as is another field's error, which must stay."""
    if not (field.raw_data and str(field.raw_data[0]).strip()):
        raise StopValidation(gettext("field.required"))


filled.field_flags = {"required": True}


class Spoken:
    """The messages of a field that does not understand what was typed, in our words. Nothing typed is `filled`'s."""

    unreadable = "field.number"

    def process_formdata(self, valuelist):
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            self.data = None
            if any(str(value).strip() for value in valuelist):
                raise ValueError(gettext(self.unreadable)) from error

    def pre_validate(self, form):
        try:
            super().pre_validate(form)
        except ValueError as error:
            raise StopValidation(gettext(self.unreadable)) from error


class NumberField(Spoken, fields.IntegerField):
    pass


class DayField(Spoken, fields.DateField):
    unreadable = "field.day"


class ChoiceField(Spoken, fields.SelectField):
    unreadable = "field.choice"


class InstantField(Spoken, fields.DateTimeLocalField):
    """An instant, typed and shown on the clock of Paris."""

    unreadable = "field.day"

    def process_data(self, value):
        self.data = value and value.astimezone(PARIS).replace(tzinfo=None)

    def populate_obj(self, obj, name):
        setattr(obj, name, self.data and self.data.replace(tzinfo=PARIS).astimezone(UTC))


class RowField(ChoiceField):
    """One of the rows of `model` that the agent may see, the latest first; `told` gives a list of them in words."""

    def __init__(self, model, null=False, told=None, **kwargs):
        self.model, self.null, self.told = model, null, told or names_of
        super().__init__(choices=self.offered, coerce=str, **kwargs)

    def offered(self):
        rows = list(visible(self.model, current_user.actor).order_by(self.model.id.desc()).limit(MOST_CHOICES))
        offered = [(str(row._pk), text) for row, text in zip(rows, self.told(rows))]
        return [("", "–"), *offered] if self.null else offered

    def process_data(self, value):
        self.data = "" if value is None else str(getattr(value, "_pk", value))

    def populate_obj(self, obj, name):
        setattr(obj, name, self.data or None)


def names_of(rows):
    return [row.name for row in rows]


class Converter(CustomModelConverter):
    """Native fields only: no script, no picker of Flask-Admin's."""

    def __init__(self, view):
        super().__init__(view)
        self.converters = {ForeignKeyField: self.row, UtcDateTimeField: self.instant, DateField: self.day,
                           CharField: self.text, TextField: self.text, IntegerField: self.number}

    def row(self, model, field, filters, default, **kwargs):
        return field.name, RowField(field.rel_model, null=field.null, **spoken(kwargs))

    def instant(self, model, field, **kwargs):
        return field.name, InstantField(**spoken(kwargs))

    def day(self, model, field, **kwargs):
        return field.name, DayField(**spoken(kwargs))

    def text(self, model, field, **kwargs):
        expect(field, kwargs)
        if "choices" in kwargs:
            return field.name, ChoiceField(**spoken(kwargs))
        kwargs["validators"].insert(0, printable)       # the others may ask the database
        kwargs["filters"] = [tidied, *kwargs["filters"]]
        kind = fields.TextAreaField if isinstance(field, TextField) else fields.StringField
        return field.name, kind(**spoken(kwargs))

    def number(self, model, field, **kwargs):
        expect(field, kwargs)
        if "choices" in kwargs:
            return field.name, ChoiceField(coerce=int, **spoken(kwargs))
        kwargs["validators"].append(NumberRange(min=0, max=LARGEST, message=lazy_gettext("field.number")))
        return field.name, NumberField(**spoken(kwargs))


def expect(field, kwargs):
    """A column that has a value before anything is typed must not be emptied: it is proposed, not optional."""
    if not field.null and field.default not in (None, ""):
        kwargs["validators"].insert(0, filled)


def tidied(text):
    return text and text.strip()


def spoken(kwargs):
    """The same, with our words where a field is empty or too long."""
    validators = [filled if isinstance(check, ValueRequired) else check for check in kwargs["validators"]]
    for check in validators:
        if isinstance(check, Length):
            check.message = lazy_gettext("field.too_long", most=check.max)
    return {**kwargs, "validators": validators}
