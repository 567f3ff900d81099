"""The request's one form. Sentences are msgids: `form.<field>.label`, `form.<field>.<fault>`."""
import datetime
import re
import secrets
import unicodedata
from zoneinfo import ZoneInfo

from babel.dates import get_month_names
from dateutil.relativedelta import relativedelta
from email_validator import EmailNotValidError, validate_email
from flask import current_app
from flask_babel import gettext
from itsdangerous import BadSignature, URLSafeSerializer
from wtforms import (BooleanField, EmailField, Field, Form, FormField, HiddenField, RadioField, SelectChoice,
                     SelectMultipleField, StringField)
from wtforms.validators import StopValidation

from models import now
from portal import communes, law, names, scrutins
from portal.catalogue import PARIS
from portal.names import fold, tidy
from portal.procedure import Demande, Named

ADULT = relativedelta(years=18)         # L. 2: on the eve of the poll
ONE_DAY = datetime.timedelta(days=1)
OLDEST = 130                            # years
LONGEST_EMAIL = 254                     # RFC 5321


def sentence(field, fault, **facts):
    return gettext(f"form.{field.short_name}.{fault}", **facts)


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
    """A form whose labels are in the catalogue. Its CSRF token is the application's (Flask-WTF's CSRFProtect)."""

    class Meta:
        locales = ["fr"]

        def bind_field(self, form, unbound, options):
            field = unbound.bind(form=form, **options)
            field.label.text = gettext(f"form.{field.short_name}.label")
            return field


# --- Fields ---------------------------------------------------------------------------------------------------------

class KeyField(HiddenField):
    """One key per form shown, signed for its voter: the same one sent twice files one request.

    `filing_key` is what the service keeps. A key that is not ours is replaced, and the form is to be sent again.
    """

    filing_key = None

    def draw(self, voter):
        self.data = _signer().dumps([secrets.token_hex(16), voter.id])

    def pre_validate(self, form):
        try:
            self.filing_key, owner = _signer().loads(self.data or "")
            if owner == form.voter.id:
                return
        except (BadSignature, ValueError, TypeError):
            pass
        self.draw(form.voter)
        form.form_errors.append(sentence(self, "foreign"))


def _signer():
    return URLSafeSerializer(current_app.secret_key, salt="demande")


class AddressField(EmailField):
    """An e-mail address. FranceConnect's own is taken as it is."""

    def pre_validate(self, form):
        self.data = (self.data or "").strip()
        if not self.data:
            raise stop(self, "missing")
        if self.data != form.voter.email:
            self.data = self._checked(self.data)

    def _checked(self, typed):
        try:
            return validate_email(typed[:LONGEST_EMAIL + 1], check_deliverability=False,
                                  allow_smtputf8=False).ascii_email
        except EmailNotValidError as error:
            raise stop(self, "unusable") from error


class NameField(StringField):
    """A person's name: see portal.names.fault."""

    def pre_validate(self, form):
        typed = (self.data or "").strip()
        if not typed:
            raise stop(self, "missing")
        fault = "characters" if any(map(_is_control, typed)) else names.fault(tidy(typed))
        if fault:
            raise stop(self, fault, most=names.LONGEST)
        self.data = tidy(typed)


def _is_control(character):
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


MONTHS = {fold(name): number for number, name in get_month_names("wide", locale="fr").items()}


def month_of(typed):
    """Its number, or None: 2, 02, février, fév. and fevr are one month. 0 is a registry's unknown month."""
    if re.fullmatch("[0-9]{1,2}", typed):
        return int(typed)
    start = fold(typed)
    found = [number for name, number in MONTHS.items() if len(start) > 2 and name.startswith(start)]
    return found[0] if len(found) == 1 else None


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


# --- Forms ----------------------------------------------------------------------------------------------------------

class MandataireForm(PlainForm):
    """Who receives the power to vote: a full identity, and the commune of registration or the NNE."""

    birth_name = NameField(validators=[Needed()])
    first_names = NameField(validators=[Needed()])
    sex = RadioField(choices=[], validate_choice=False)
    birth_date = DayField(partial=True)
    same_commune = BooleanField()
    registered_in = CommuneField(needed=False)
    nne = StringField()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self:
            field.flags.required = field is not self.same_commune  # of three one is enough, but none is called optional
        self.sex.choices = [SelectChoice(sex, gettext(f"form.sex.{sex}")) for sex in ("F", "M")]

    def validate_sex(self, field):
        if field.data not in ("F", "M"):
            raise stop(field, "missing")

    def validate_birth_date(self, field):
        today = now().date()
        if not today.year - OLDEST < earliest(field.data).year:
            raise stop(field, "too_old")
        if earliest(field.data) > today:
            raise stop(field, "future")

    def validate_registered_in(self, field):
        if not (field.data or field.same_as or (self.nne.data or "").strip()):
            raise stop(field, "missing")

    def validate_nne(self, field):
        field.data = "".join((field.data or "").split())
        if field.data and not re.fullmatch("[0-9]{8,9}", field.data):
            raise stop(field, "unusable")

    def named(self):
        return Named(birth_name=self.birth_name.data, first_names=self.first_names.data, sex=self.sex.data,
                     birth_date=self.birth_date.data, commune=self.registered_in.commune, nne=self.nne.data or None)


class DemandeForm(PlainForm):
    """The request of `voter`. `upcoming` are the tours of the calendar; requests may name those whose scrutin is open.

    Once valid, `chosen` holds the tours named (none for a period) and `demande()` what the service files.
    """

    key = KeyField()
    email = AddressField(validators=[Needed()])
    commune = CommuneField(validators=[Needed()])
    mandataire = FormField(MandataireForm)
    tours = SelectMultipleField(validate_choice=False)
    until = DayField(needed=False)
    declaration = BooleanField(validators=[Needed()])

    chosen = ()

    def __init__(self, voter, formdata=None):
        super().__init__(formdata, data={} if formdata else {"email": voter.email})
        self.voter = voter
        person = self.mandataire.form
        person.registered_in.same_as = self.commune if person.same_commune.data else None
        self.upcoming = scrutins.upcoming()
        self.open_tours = by_scrutin(scrutins.open_for_requests(self.upcoming))
        self.tours.choices = [SelectChoice(str(tour.id)) for tour in self.open_tours]  # all: check pages carry any
        self.tours.flags.required = self.until.flags.required = True  # one of the two: no "(facultatif)"
        if formdata is None:
            self.key.draw(voter)

    # The calendar of the commune

    @property
    def today(self):
        """The day it is where the mandant votes, in Paris while that is unknown."""
        return now().astimezone(ZoneInfo(self.commune.commune.zone) if self.commune.commune else PARIS).date()

    @property
    def offered(self):
        """The tours to choose from, each with its local day: the commune's once it is known."""
        return [(tour, day) for tour in self.open_tours if (day := self.day_of(tour)) and day >= self.today]

    def offer(self):
        """Say which tours there are to choose from, for the fields' page: `choices`, their tour and day by value."""
        self.choices = {str(tour.id): (tour, day) for tour, day in self.offered}
        self.tours.choices = [SelectChoice(number) for number in self.choices]

    def day_of(self, tour):
        """The day of `tour` where the mandant votes, None where it is not held."""
        if self.commune.commune is None:
            return tour.day
        if tour.scrutin.territory not in self.commune.commune.territories:
            return None
        return scrutins.day_of(tour, self.commune.commune)

    # Checks between fields

    def validate_tours(self, field):
        wanted = set(field.data or ())
        if not wanted and self.offered and not self.until.is_typed:
            raise stop(field, "missing")
        self.chosen = [tour for tour in self.open_tours if str(tour.id) in wanted]
        if len(self.chosen) < len(wanted):
            raise stop(field, "unknown")
        if len({tour.scrutin_id for tour in self.chosen}) > 1:
            raise stop(field, "several_scrutins")
        for tour in self.chosen if self.commune.commune else ():
            self._check_day(field, tour)

    def _check_day(self, field, tour):
        day = self.day_of(tour)
        if day is None:
            raise stop(field, "elsewhere", scrutin=tour.scrutin.name, commune=self.commune.commune.label)
        if day < self.today:
            raise stop(field, "over", scrutin=tour.scrutin.name)

    def validate_until(self, field):
        if not field.data and not self.tours.data and not self.tours.errors:
            raise stop(field, "missing")
        if field.data and self.tours.data:
            raise stop(field, "both")
        if field.data and datetime.date.fromisoformat(field.data) < self.today:
            raise stop(field, "past")
        if field.data and datetime.date.fromisoformat(field.data) > self.today + law.longest_period():
            raise stop(field, "too_long")

    def validate(self, extra_validators=None):
        return super().validate(extra_validators) and self._is_lawful()

    def _is_lawful(self):
        """What depends on several answers, once each is sound by itself."""
        person, eve = self.mandataire.form, self.first_day - ONE_DAY
        if is_same_person(person, self.voter):
            person.birth_name.errors.append(sentence(person.birth_name, "yourself"))
        if not is_adult(person.birth_date.data, eve):
            person.birth_date.errors.append(sentence(person.birth_date, "minor"))
        if not is_adult(self.voter.birth_date, eve):
            self.form_errors.append(gettext("form.mandant.minor"))
        return not self.errors

    # What was asked

    @property
    def days(self):
        """The local day of each tour chosen, by its id."""
        return {tour.id: self.day_of(tour) for tour in self.chosen}

    @property
    def first_day(self):
        """When the mandataire votes at the soonest. Of a period nothing is known but its end."""
        return min(self.days.values(), default=None) or self.last_day

    @property
    def last_day(self):
        return max(self.days.values(), default=None) or datetime.date.fromisoformat(self.until.data)

    @property
    def covered(self):
        """The tours the request is about, named or within its period."""
        return self.chosen or scrutins.voted_in(self.upcoming, self.commune.commune, self.today, self.last_day)

    def demande(self, evidence):
        """`evidence`: how the voter was identified, kept with the request."""
        return Demande(commune=self.commune.commune, mandataire=self.mandataire.form.named(),
                       valid_until=self.last_day, email=self.email.data, filing_key=self.key.filing_key,
                       scrutin=self.chosen[0].scrutin if self.chosen else None, tours=list(self.chosen),
                       evidence=evidence)


def by_scrutin(tours):
    """The tours of one scrutin together, the scrutin that votes first before the others."""
    order = list(dict.fromkeys(tour.scrutin_id for tour in tours))
    return sorted(tours, key=lambda tour: (order.index(tour.scrutin_id), tour.number))


def earliest(birth_date):
    """The first day that a birth date with unknown parts (00) may mean."""
    return datetime.date.fromisoformat(birth_date.replace("-00", "-01"))


def is_adult(birth_date, day):
    return earliest(birth_date) + ADULT <= day


def is_same_person(person, voter):
    """Same birth date, same first first name, and a name the mandant bears: few type all their first names."""
    return (person.birth_date.data == voter.birth_date
            and fold(person.birth_name.data) in {fold(voter.birth_name), fold(voter.used_name or "")}
            and fold(person.first_names.data).split()[:1] == fold(voter.first_names).split()[:1])
