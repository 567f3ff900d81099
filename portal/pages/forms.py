"""The request's one form. Sentences are msgids: `form.<field>.label`, `form.<field>.<fault>`."""
import datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext
from wtforms import BooleanField, FormField, SelectChoice, SelectMultipleField

from models import now
from portal import law, scrutins
from portal.catalogue import PARIS
from portal.fields import (AddressField, BirthDateField, CommuneField, DayField, KeyField, NameField, Needed, NneField,
                           PlainForm, SexField, is_adult, sentence, stop)
from portal.names import fold
from portal.procedure import Demande, Named

ONE_DAY = datetime.timedelta(days=1)


class MandataireForm(PlainForm):
    """Who receives the power to vote: a full identity, and the commune of registration or the NNE."""

    birth_name = NameField(validators=[Needed()])
    first_names = NameField(validators=[Needed()])
    sex = SexField()
    birth_date = BirthDateField()
    same_commune = BooleanField()
    registered_in = CommuneField(needed=False)
    nne = NneField()
    contact = AddressField(needed=False)

    voter = None  # who types the address is not who is written to

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self:  # of three one is enough, but none is called optional
            field.flags.required = field not in (self.same_commune, self.contact)

    def validate_registered_in(self, field):
        if not (field.data or field.same_as or (self.nne.data or "").strip()):
            raise stop(field, "missing")

    def named(self):
        return Named(birth_name=self.birth_name.data, first_names=self.first_names.data, sex=self.sex.data,
                     birth_date=self.birth_date.data, commune=self.registered_in.commune, nne=self.nne.data,
                     email=self.contact.data)


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
        self.owner = self.voter = voter
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
        if (person.contact.data or "").lower() in {self.email.data.lower(), (self.voter.email or "-").lower()}:
            person.contact.errors = [sentence(person.contact, "yours")]
        if self._votes_elsewhere(person.registered_in.commune):
            person.registered_in.errors = [sentence(person.registered_in, "elsewhere", commune=self.commune.data)]
        if not is_adult(person.birth_date.data, eve):
            person.birth_date.errors.append(sentence(person.birth_date, "minor"))
        if not is_adult(self.voter.birth_date, eve):
            self.form_errors.append(gettext("form.mandant.minor"))
        return not self.errors

    def _votes_elsewhere(self, commune):
        """Is it another than the mandant's, where the law wants one for both (L. 72)?"""
        mine = self.commune.commune
        return commune not in (None, mine) and scrutins.want_one_commune(self.covered, mine)

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


def is_same_person(person, voter):
    """Same birth date, same first first name, and a name the mandant bears: few type all their first names."""
    return (person.birth_date.data == voter.birth_date
            and fold(person.birth_name.data) in {fold(voter.birth_name), fold(voter.used_name or "")}
            and fold(person.first_names.data).split()[:1] == fold(voter.first_names).split()[:1])
