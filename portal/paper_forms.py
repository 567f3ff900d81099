"""A paper act as a town hall types it, in the order of the form it reads (cerfa). Sentences are msgids:
`form.papier.<field>.label`, `form.papier.<field>.<fault>`.

What cannot be true is an error. What the law does not allow may still have been signed by an authority: it is a doubt,
told once and kept if the agent says so, for the town hall has to answer such an act too.
"""
import datetime
import re
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from flask_babel import gettext, lazy_gettext
from wtforms import BooleanField, FormField, HiddenField, SelectChoice, SelectMultipleField, StringField

from models import UTC, Personne, Procuration, now
from portal import law, scrutins
from portal.fields import (AddressField, BirthDateField, CommuneField, DayField, KeyField, NameField, NneField,
                           PlainForm, SexField, is_adult, stop)
from portal.names import tidy
from portal.procedure import Acte, Named

LONGEST_QUALITY = 100       # characters
LONGEST_PLACE = Procuration.authority_place.max_length
ONE_DAY = datetime.timedelta(days=1)
FAR = datetime.date.max - ONE_DAY * 366
A_LIFE = relativedelta(years=100)           # beyond it a year is mistyped, and no calendar goes on for ever
MIDDAY = datetime.time(12)
AND = ", "                  # between an authority's name and quality


# --- Fields ---------------------------------------------------------------------------------------------------------

class ShortField(StringField):
    """A line of text of at most `most` characters."""

    def __init__(self, *args, most, **kwargs):
        super().__init__(*args, **kwargs)
        self.most, self.flags.required = most, True

    def pre_validate(self, form):
        self.data = tidy(self.data or "")
        if not self.data:
            raise stop(self, "missing")
        if len(self.data) > self.most or not self.data.isprintable():
            raise stop(self, "unusable", most=self.most)


class AuthorityField(ShortField):
    """The name of an authority: the comma stands between it and the quality."""

    def pre_validate(self, form):
        super().pre_validate(form)
        if AND.strip() in self.data:
            raise stop(self, "comma")


class HourField(StringField):
    """An hour of the day, or nothing: 14 h 30, 14:30, 1430, 14h. `time` is what it says."""

    WRITTEN = re.compile(r"(\d{1,2}) ?(?:[:hH.] ?)?(\d{2})?")
    time = None

    def pre_validate(self, form):
        self.data = tidy(self.data or "")
        if self.data:
            self.time = self._read()

    def _read(self):
        found = self.WRITTEN.fullmatch(self.data)
        try:
            return datetime.time(int(found[1]), int(found[2] or 0))
        except (TypeError, ValueError) as error:
            raise stop(self, "unusable") from error


# --- Forms ----------------------------------------------------------------------------------------------------------

class PersonForm(PlainForm):
    scope = "papier."

    birth_name = NameField()
    used_name = NameField(needed=False)
    first_names = NameField()
    sex = SexField()
    birth_date = BirthDateField()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self:
            field.flags.required = getattr(field, "needed", field is self.sex)

    def named(self, **more):
        return Named(birth_name=self.birth_name.data, used_name=self.used_name.data, first_names=self.first_names.data,
                     sex=self.sex.data, birth_date=self.birth_date.data, **more)


class MandantForm(PersonForm):
    facts = {"whose": lazy_gettext("form.papier.whose.mandant")}


class MandataireForm(PersonForm):
    facts = {"whose": lazy_gettext("form.papier.whose.mandataire")}

    registered_in = CommuneField(needed=False)
    nne = NneField()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.registered_in.flags.required = self.nne.flags.required = True     # one is enough, none is called optional

    def validate_registered_in(self, field):
        if not (field.data or (self.nne.data or "").strip()):
            raise stop(field, "missing")

    def named(self, **more):
        return super().named(commune=self.registered_in.commune, nne=self.nne.data)


class ActeForm(PlainForm):
    """An act for the commune of `agent`; `file` is the one to correct, whose tours are offered even when over.

    Once valid, `acte()` is what the service takes, and `doubts()` what it should not be typed without looking again.
    """

    scope = "papier."

    key = KeyField()
    confirmed = HiddenField()                               # the doubts somebody said yes to
    mandant = FormField(MandantForm)
    email = AddressField(needed=False)
    mandataire = FormField(MandataireForm)
    tours = SelectMultipleField(validate_choice=False)
    until = DayField(needed=False)
    authority = AuthorityField(most=LONGEST_QUALITY)
    quality = ShortField(most=LONGEST_QUALITY)
    place = ShortField(most=LONGEST_PLACE)
    abroad = BooleanField()
    established_on = DayField()
    hour = HourField()

    chosen, established_at = (), None

    def __init__(self, agent, formdata=None, file=None, **proposed):
        super().__init__(formdata, data={} if formdata else proposed)
        self.owner, self.commune, self.file = agent, agent.commune, file
        self.offered = {str(tour.id): (tour, scrutins.day_shown(tour, self.commune)) for tour in self._calendar()}
        self.tours.choices = [SelectChoice(number) for number in self.offered]
        self.tours.flags.required = self.until.flags.required = True   # one of the two
        self.established_on.flags.required = True
        if formdata is None:
            self.key.draw(agent)

    def _calendar(self):
        """Those the commune votes in from today, and those the file to correct names."""
        named = [row.tour for row in self.file.tours_vises] if self.file else []
        coming = scrutins.voted_in(scrutins.upcoming(), self.commune, self.today, FAR)
        return sorted({tour.id: tour for tour in (*named, *coming)}.values(),
                      key=lambda tour: (tour.scrutin_id, tour.number))

    @property
    def today(self):
        return scrutins.today(self.commune)

    # Checks

    def validate(self, extra_validators=None):
        return super().validate(extra_validators) and not self.errors

    def validate_tours(self, field):
        wanted = set(field.data or ())
        if not wanted and not self.until.is_typed:
            raise stop(field, "missing")
        self.chosen = [tour for number, (tour, _) in self.offered.items() if number in wanted]
        if len(self.chosen) < len(wanted):
            raise stop(field, "unknown")
        if len({tour.scrutin_id for tour in self.chosen}) > 1:
            raise stop(field, "several_scrutins")
        if self.chosen and self.last_day < self.today:
            raise stop(field, "over")

    def validate_until(self, field):
        if field.data and self.tours.data:
            raise stop(field, "both")
        if field.data and datetime.date.fromisoformat(field.data) < self.today:
            raise stop(field, "past")
        if field.data and datetime.date.fromisoformat(field.data) > self.today + A_LIFE:
            raise stop(field, "too_far")

    def validate_established_on(self, field):
        day = datetime.date.fromisoformat(field.data)
        if day > self.today:
            raise stop(field, "future")
        if day + law.longest_period(abroad=True) < self.today:
            raise stop(field, "too_old")

    def validate_hour(self, field):
        if self.established_on.data and not self.established_on.errors:
            self.established_at = self._instant(field.time or MIDDAY)
            if field.time and self.established_at > now():
                raise stop(field, "future")

    def _instant(self, time):
        day = datetime.date.fromisoformat(self.established_on.data)
        return datetime.datetime.combine(day, time, ZoneInfo(self.commune.zone)).astimezone(UTC)

    # What was typed

    @property
    def days(self):
        return [self.offered[str(tour.id)][1] for tour in self.chosen]

    @property
    def last_day(self):
        return max(self.days, default=None) or datetime.date.fromisoformat(self.until.data)

    def acte(self):
        return Acte(mandant=self.mandant.form.named(), mandataire=self.mandataire.form.named(), email=self.email.data,
                    valid_until=self.last_day, scrutin=self.chosen[0].scrutin if self.chosen else None,
                    tours=list(self.chosen), authority=AND.join((self.authority.data, self.quality.data)),
                    authority_place=self.place.data, established_at=self.established_at,
                    timed=self.hour.time is not None, abroad=self.abroad.data, filing_key=self.key.filing_key)

    # What should be looked at again

    def doubts(self):
        """{name: sentence} of what is strange about a valid act, but for what was said yes to."""
        found = {name: said for name, said in self._doubts() if said}
        confirmed = set((self.confirmed.data or "").split())
        self.confirmed.data = " ".join(found)
        return found if set(found) - confirmed else {}

    def _doubts(self):
        acte, eve = self.acte(), min(self.days, default=self.last_day) - ONE_DAY
        twin = twin_of(acte, self.commune, self.file)
        yield "double", twin and gettext("papier.doute.double", number=twin.id)
        yield "personne", acte.mandant.key == acte.mandataire.key and gettext("papier.doute.personne")
        yield "mandataire", not is_adult(acte.mandataire.birth_date, eve) and gettext("papier.doute.mandataire")
        yield "mandant", not is_adult(acte.mandant.birth_date, eve) and gettext("papier.doute.mandant")
        yield "duree", self._lasts_too_long(acte) and gettext("papier.doute.duree")

    def _lasts_too_long(self, acte):
        day = datetime.date.fromisoformat(self.established_on.data)
        return acte.valid_until > day + law.longest_period(acte.abroad)


def twin_of(acte, commune, but=None):
    """A file of the commune with the same two people, established on the same local day; None where there is none."""
    day = scrutins.local_day(acte.established_at, commune)
    mandant, mandataire = (Personne.alias() for _ in Personne.ROLES)
    return (Procuration.select()
            .join(mandant, on=(mandant.procuration == Procuration.id) & (mandant.role == "mandant"))
            .switch(Procuration)
            .join(mandataire, on=(mandataire.procuration == Procuration.id) & (mandataire.role == "mandataire"))
            .where(mandant.key == acte.mandant.key, mandataire.key == acte.mandataire.key,
                   Procuration.commune == commune, Procuration.id != (but.id if but else 0),
                   Procuration.established_at >= scrutins.begin_of(day, commune),
                   Procuration.established_at < scrutins.end_of(day, commune))
            .order_by(Procuration.id).first())


# --- What the fields hold before anything is typed ------------------------------------------------------------------

def proposed_next(agent, last):
    """For the next act of a pile: the commune of most mandataires, and the authority of the last act, if any."""
    proposed = {"mandataire": {"registered_in": agent.commune.label}}
    return {**proposed, **(authority_of(last) if last else {})}


def authority_of(file):
    name, _, quality = file.authority.partition(AND)
    return {"authority": name, "quality": quality, "place": file.authority_place, "abroad": file.abroad,
            "established_on": scrutins.local_day(file.established_at, file.commune).isoformat()}


def written_on(file):
    """Of a file to correct, all that its act says."""
    local = file.established_at.astimezone(ZoneInfo(file.commune.zone))
    people = {role: {name: getattr(person, name) for name in (
        "birth_name", "used_name", "first_names", "sex", "birth_date", "nne")} for role, person in file.people.items()}
    people["mandataire"]["registered_in"] = file.mandataire.commune and file.mandataire.commune.label
    tours = [str(row.tour_id) for row in file.tours_vises]
    return {**people, **authority_of(file), "email": file.email, "tours": tours,
            "until": None if tours else file.valid_until.isoformat(),
            "hour": f"{local.hour}:{local.minute:02}" if file.timed else ""}
