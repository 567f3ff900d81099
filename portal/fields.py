"""Fields of the forms that name people, days and communes. Sentences are msgids: `form.<field>.label`,
`form.<field>.<fault>`, after the `scope` of the form where it has one.
"""
import datetime
import re
import secrets
import unicodedata

from babel.dates import get_month_names
from dateutil.relativedelta import relativedelta
from email_validator import EmailNotValidError, validate_email
from flask import current_app
from flask_babel import gettext
from itsdangerous import BadSignature, URLSafeSerializer
from wtforms import EmailField, Field, Form, HiddenField, RadioField, StringField
from wtforms.validators import StopValidation

from models import now
from portal import communes, names
from portal.names import fold, tidy

ADULT = relativedelta(years=18)         # L. 2: on the eve of the poll
OLDEST = 130                            # years
LONGEST_EMAIL = 254                     # RFC 5321


def sentence(field, fault, **facts):
    return gettext(f"form.{field.scope}{field.short_name}.{fault}", **{**field.facts, **facts})


def stop(field, fault, **facts):
    """What a check raises: the field's sentence for `fault`, and no further check of it."""
    return StopValidation(sentence(field, fault, **facts))


class Needed:
    """Marks a field that nobody may leave empty; `form.<field>.missing` says so."""

    field_flags = {"required": True}

    def __call__(self, form, field):
        if not field.data:
            raise stop(field, "missing")


class PlainForm(Form):
    """A form whose labels are in the catalogue. Its CSRF token is the application's (Flask-WTF's CSRFProtect).

    `scope` stands before the names of its fields there; `facts` fill the blanks of its sentences.
    """

    scope, facts = "", {}
    voter = None            # whose address FranceConnect gave

    class Meta:
        locales = ["fr"]

        def bind_field(self, form, unbound, options):
            field = unbound.bind(form=form, **options)
            field.scope, field.facts = form.scope, form.facts
            field.label.text = sentence(field, "label")
            return field


class KeyField(HiddenField):
    """One key per form shown, signed for its `owner`: the same one sent twice files one request, or one act.

    `filing_key` is what the service keeps. A key that is not ours is replaced, and the form is to be sent again.
    """

    filing_key = None

    def draw(self, owner):
        self.data = _signer().dumps([secrets.token_hex(16), owner.role, owner.id])

    def pre_validate(self, form):
        try:
            key, *owner = _signer().loads(self.data or "")
            if owner == [form.owner.role, form.owner.id]:
                self.filing_key = key
                return
        except (BadSignature, ValueError, TypeError):
            pass
        self.draw(form.owner)
        form.form_errors.append(sentence(self, "foreign"))


def _signer():
    return URLSafeSerializer(current_app.secret_key, salt="demande")


class AddressField(EmailField):
    """An e-mail address. FranceConnect's own is taken as it is."""

    def __init__(self, *args, needed=True, **kwargs):
        super().__init__(*args, **kwargs)
        self.needed = needed

    def pre_validate(self, form):
        self.data = (self.data or "").strip() or None
        if not self.data and self.needed:
            raise stop(self, "missing")
        if self.data and self.data != (form.voter and form.voter.email):
            self.data = self._checked(self.data)

    def _checked(self, typed):
        try:
            return validate_email(typed[:LONGEST_EMAIL + 1], check_deliverability=False,
                                  allow_smtputf8=False).ascii_email
        except EmailNotValidError as error:
            raise stop(self, "unusable") from error


class NameField(StringField):
    """A person's name: see portal.names.fault."""

    def __init__(self, *args, needed=True, **kwargs):
        super().__init__(*args, **kwargs)
        self.needed = needed

    def pre_validate(self, form):
        typed = (self.data or "").strip()
        if not (typed or self.needed):
            self.data = None
            return
        if not typed:
            raise stop(self, "missing")
        fault = "characters" if any(map(is_control, typed)) else names.fault(tidy(typed))
        if fault:
            raise stop(self, fault, most=names.LONGEST)
        self.data = tidy(typed)


def is_control(character):
    return unicodedata.category(character) in ("Cc", "Cf")


class DayField(Field):
    """A day in three parts `<name>-day`, `-month`, `-year`, as typed in `day`, `month`, `year`. `data` is ISO text.

    Months may be words. With `partial`, a registry's 00 for an unknown day or month is kept.
    """

    PARTS = ("day", "month", "year")
    day = month = year = ""

    def __init__(self, *args, needed=True, partial=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.needed, self.partial = needed, partial

    def process(self, formdata, *args, **kwargs):
        super().process(formdata, *args, **kwargs)
        for part in self.PARTS:
            setattr(self, part, formdata.get(f"{self.name}-{part}", "").strip() if formdata else "")
        if not formdata and self.data:
            self.year, self.month, self.day = (part.lstrip("0") or part for part in self.data.split("-"))

    def process_formdata(self, values):
        """Nothing: a day is typed in its parts only."""

    @property
    def is_typed(self):
        return bool(self.day or self.month or self.year)

    def pre_validate(self, form):
        if self.is_typed:
            self.data = self._read()
        elif self.needed:
            raise stop(self, "missing")

    def _read(self):
        """Raises the fault of the first part that makes no day."""
        if not (self.day and self.month and self.year):
            raise stop(self, "incomplete")
        if not re.fullmatch("[0-9]{4}", self.year):
            raise stop(self, "year")
        day = re.fullmatch("([0-9]{1,2})(?:ER)?", fold(self.day))
        return self._iso(int(self.year), month_of(self.month), int(day[1]) if day else None)

    def _iso(self, year, month, day):
        unknown = self.partial and day == 0
        try:
            datetime.date(year, 1 if unknown and month == 0 else month, 1 if unknown else day)
        except (ValueError, TypeError) as error:
            raise stop(self, "impossible") from error
        return f"{year:04}-{month:02}-{day:02}"


class BirthDateField(DayField):
    """A birth date, as a registry keeps it: 00 for an unknown day or month."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, partial=True, **kwargs)

    def _read(self):
        born, today = super()._read(), now().date()
        if not today.year - OLDEST < earliest(born).year:
            raise stop(self, "too_old")
        if earliest(born) > today:
            raise stop(self, "future")
        return born


MONTHS = {fold(name): number for number, name in get_month_names("wide", locale="fr").items()}


def month_of(typed):
    """Its number, or None: 2, 02, février, fév. and fevr are one month. 0 is a registry's unknown month."""
    if re.fullmatch("[0-9]{1,2}", typed):
        return int(typed)
    start = fold(typed)
    found = [number for name, number in MONTHS.items() if len(start) > 2 and name.startswith(start)]
    return found[0] if len(found) == 1 else None


class SexField(RadioField):
    """As the registry has it. Only FranceConnect may say that it is unspecified."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, choices=sexes, validate_choice=False, **kwargs)

    def pre_validate(self, form):
        if self.data not in ("F", "M"):
            raise stop(self, "missing")


def sexes():
    return [(sex, gettext(f"form.sex.{sex}")) for sex in ("F", "M")]


class NneField(StringField):
    """A voter's national number, typed with or without spaces."""

    def pre_validate(self, form):
        self.data = "".join((self.data or "").split()) or None
        if self.data and not re.fullmatch("[0-9]{8,9}", self.data):
            raise stop(self, "unusable")


class CommuneField(StringField):
    """A commune typed as plain text. `commune` is its row once known, and `data` its unique label from then on.

    Else `options` are those to choose from, by the control `<name>_code`; a code that is none of them means nothing.
    `found_as` names the communes found by an old name, see portal.communes.Resolution.
    """

    commune = None
    options = ()
    found_as = {}
    same_as = None  # the field whose answer this one shares, where the voter said so

    def __init__(self, *args, needed=True, **kwargs):
        super().__init__(*args, **kwargs)
        self.needed = needed

    def process(self, formdata, *args, **kwargs):
        super().process(formdata, *args, **kwargs)
        self.code = formdata.get(f"{self.name}_code") if formdata else None

    def pre_validate(self, form):
        if (self.data or "").strip():
            self._find()
            if self.same_as and self.same_as.commune not in (None, self.commune):
                raise stop(self, "both")
        elif self.same_as:
            self.commune, self.found_as = self.same_as.commune, self.same_as.found_as
        elif self.needed:
            raise stop(self, "missing")

    def _find(self):
        found = communes.resolve(self.data)
        near = found.choices or found.suggestions
        self.found_as = found.found_as
        self.commune = found.exact or next((commune for commune in near if commune.code == self.code), None)
        if self.commune is None:
            self.options = near
            raise stop(self, "several" if found.choices else "suggestions" if near else "unknown", count=len(near))
        self.data = self.commune.label

    @property
    def old_name(self):
        """The row of the old name `commune` was found by, or None."""
        return self.commune and self.found_as.get(self.commune.code)


def earliest(birth_date):
    """The first day that a birth date with unknown parts (00) may mean."""
    return datetime.date.fromisoformat(birth_date.replace("-00", "-01"))


def is_adult(birth_date, day):
    return earliest(birth_date) + ADULT <= day
