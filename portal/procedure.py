"""The acts on a file: the only place that writes `status`.

Each act is one transaction: a guarded update, one passage, one event, one mail per recipient. All raise `NotYours`
for an actor without the right, `AlreadyDecided` when somebody else was faster, and write nothing then.
"""
import datetime
from contextlib import suppress
from dataclasses import dataclass, field

from peewee import IntegrityError

from models import (TOWN_HALL, TRANSITIONS, Commune, Mot, Passage, Personne, Procuration, Reference, Role, Scrutin,
                    Tour, TourVise, now)
from portal import addresses, journal, law, mail, names, places, references, scrutins
from portal.database import clock, hold, transaction
from portal.errors import (AlreadyDecided, NoPlaceHeld, NotYours, PlaceHeld, PollChanged, PollOver, ReasonMissing,
                           TooLateToUndo)

TIME_TO_UNDO = datetime.timedelta(minutes=15)           # design 4


class _Clock:
    """The system acting by itself."""

    id = None
    role = Role.CLOCK


CLOCK = _Clock()


@dataclass(frozen=True)
class Named:
    """A mandataire as the mandant names them. `commune` of registration or `nne`, text of 8-9 digits."""

    birth_name: str
    first_names: str
    sex: str
    birth_date: str
    commune: Commune | None = None
    nne: str | None = None

    @property
    def key(self):
        return names.person_key(self.birth_name, self.first_names, self.birth_date)


@dataclass(frozen=True)
class Demande:
    """What a voter asks, already checked by the form: tours of one scrutin, or until a local day."""

    commune: Commune
    mandataire: Named
    valid_until: datetime.date
    email: str | None
    filing_key: str
    scrutin: Scrutin | None = None
    tours: list = field(default_factory=list)
    evidence: dict | None = None


# --- The voter ------------------------------------------------------------------------------------------------------

def deposer(demande, voter):
    """File a request and draw its reference. The same `filing_key` sent twice gives the first request back.

    Raises PollChanged when a tour it names was removed meanwhile.
    """
    try:
        with transaction():
            return _file(demande, voter)
    except IntegrityError as error:
        known = Procuration.get_or_none(Procuration.filing_key == demande.filing_key, Procuration.voter == voter)
        if known:
            return known
        if Tour.select().where(Tour.id.in_([tour.id for tour in demande.tours])).count() < len(demande.tours):
            raise PollChanged() from error
        raise


def _file(demande, voter):
    filed_at = now()
    procuration = Procuration.create(
        commune=demande.commune, voter=voter, status=TRANSITIONS["deposer"].target, scrutin=demande.scrutin,
        valid_until=demande.valid_until, email=demande.email, filing_key=demande.filing_key,
        email_confirmed_at=filed_at if demande.email and addresses.is_known(demande.email, voter) else None,
        evidence=demande.evidence, filed_at=filed_at,
        lapses_at=min(filed_at + law.life_of_a_request(), scrutins.end_of(demande.valid_until, demande.commune)))
    procuration.people = _name_people(procuration, voter, demande)
    if procuration.awaits_confirmation:
        addresses.send_link(procuration)
    if demande.tours:
        TourVise.insert_many([(procuration.id, tour.id, scrutins.day_of(tour, demande.commune))
                              for tour in demande.tours],
                             fields=[TourVise.procuration, TourVise.tour, TourVise.day]).execute()
    procuration.reference = references.draw(procuration)
    _leave_traces("deposer", procuration, voter, at=filed_at, tours=demande.tours or None)
    return procuration


def _name_people(procuration, voter, demande):
    shared = ("birth_name", "first_names", "sex", "birth_date", "key")
    mandant = Personne(procuration=procuration, role="mandant", used_name=voter.used_name,
                       birth_place=voter.birth_place, **{name: getattr(voter, name) for name in shared})
    mandataire = Personne(procuration=procuration, role="mandataire", commune=demande.mandataire.commune,
                          nne=demande.mandataire.nne, **{name: getattr(demande.mandataire, name) for name in shared})
    Personne.bulk_create([mandant, mandataire])
    return {"mandant": mandant, "mandataire": mandataire}


def retirer(procuration, voter):
    """The mandant gives a request up before it is presented."""
    if procuration.voter_id != voter.id:
        raise NotYours()
    with transaction():
        _move("retirer", procuration, voter, reason="choix_du_mandant")


# --- The officer ----------------------------------------------------------------------------------------------------

def etablir(procuration, officer):
    """The authority's act: from here the procuration exists in law. Never refused for a ceiling or for being late;
    only a poll that is over is (`PollOver`)."""
    with transaction():
        hold(procuration.mandant.key, procuration.mandataire.key)
        at = clock()
        if scrutins.end_of(procuration.valid_until, procuration.commune) <= at:
            raise PollOver()
        _move("etablir", procuration, officer, at=at, established_at=at, officer=officer,
              authority=", ".join(filter(None, (officer.name, officer.quality))), authority_place=officer.place)
        Reference.update(used_at=at).where(Reference.procuration == procuration, Reference.kind == "etablir").execute()
        places.take(procuration)
        _index_words(procuration)
        for other in places.pending_for_the_same_vote(procuration):
            with suppress(AlreadyDecided):  # given up in this very instant: out of the way too
                _move("retirer", other, CLOCK, reason="remplacee_par_une_autre")


def refuser(procuration, officer, reason):
    """The officer turns the request down, for one of the closed reasons."""
    with transaction():
        _move("refuser", procuration, officer, reason=reason)


def defaire(procuration, officer, reason):
    """The same officer takes an act back within 15 minutes (`TooLateToUndo`): the request waits again."""
    if procuration.officer_id != officer.id:
        raise NotYours()
    with transaction():
        if now() > procuration.established_at + TIME_TO_UNDO:
            raise TooLateToUndo()
        _move("defaire", procuration, officer, reason=reason,
              established_at=None, officer=None, authority="", authority_place="")
        Reference.update(used_at=None).where(Reference.procuration == procuration).execute()
        places.release(procuration)
        Mot.delete().where(Mot.procuration == procuration).execute()


def _index_words(procuration):
    found = names.words(*(name for person in (procuration.mandant, procuration.mandataire)
                          for name in (person.birth_name, person.used_name, person.first_names)))
    Mot.insert_many([(procuration.commune_id, word, procuration.id) for word in sorted(found)],
                    fields=[Mot.commune, Mot.word, Mot.procuration]).execute()


# --- The commune ----------------------------------------------------------------------------------------------------

def valider(procuration, actor):
    """The commune's yes, for the tours where a place is held; `NoPlaceHeld` when there is none."""
    with transaction():
        _move("valider", procuration, actor, decided_at=now())  # first: who lost a race must hear of that
        if not places.held(procuration):
            raise NoPlaceHeld()


def invalider(procuration, actor, reason, comment=""):
    """The commune's no: a fault found at its check. The ceiling is one only where no place is held (`PlaceHeld`)."""
    with transaction():
        _move("invalider", procuration, actor, reason=reason, comment=comment, decided_at=now())
        if reason == "plafond_atteint" and places.held(procuration):
            raise PlaceHeld()
        places.release(procuration)


def reprendre(procuration, actor):
    """The commune takes its decision back. Places are taken anew: another act may hold them by now."""
    with transaction():
        hold(procuration.mandant.key, procuration.mandataire.key)
        _move("reprendre", procuration, actor, decided_at=None)
        places.release(procuration)
        places.take(procuration)


def annuler(procuration, actor, reason, comment=""):
    """An event after establishment ends it (L. 77, R. 80)."""
    with transaction():
        _move("annuler", procuration, actor, reason=reason, comment=comment)
        places.release(procuration)


def resilier(procuration, actor, evidence=None, certified=None):
    """The mandant takes the vote back after establishment (L. 75, R. 78): in person before an officer, on a paper act
    that the town hall received (`evidence`: authority, place, day in ISO), or by the voter's own certified identity
    (`certified`, kept as evidence), without which a voter has no right to it."""
    if actor.role == Role.VOTER and not (certified and procuration.voter_id == actor.id):
        raise NotYours()
    with transaction():
        hold(procuration.mandant.key, procuration.mandataire.key)
        at = now()
        _move("resilier", procuration, actor, at=at, evidence=certified or evidence)
        Reference.update(used_at=at).where(Reference.procuration == procuration, Reference.kind == "resilier",
                                           Reference.ended_at.is_null()).execute()
        places.release(procuration)


def perimer(procuration):
    """Nobody presented the request in time."""
    with transaction():
        _move("perimer", procuration, CLOCK)


# --- What every act leaves ------------------------------------------------------------------------------------------

def _move(act, procuration, actor, *, reason=None, comment="", at=None, evidence=None, **changes):
    """The guarded update: from the status and version that `procuration` was read with, or `AlreadyDecided`."""
    transition = TRANSITIONS[act]
    _check_right(transition, procuration, actor)
    if transition.reasons and reason not in transition.reasons:
        raise ReasonMissing()
    changes = {"status": transition.target, "version": procuration.version + 1, **changes}
    if not (Procuration.update(changes)
            .where(Procuration.id == procuration.id, Procuration.version == procuration.version,
                   Procuration.status.in_(transition.sources)).execute()):
        raise AlreadyDecided(last_passage(procuration))
    for name, value in changes.items():
        setattr(procuration, name, value)
    _leave_traces(act, procuration, actor, at=at or now(), reason=reason, comment=comment, evidence=evidence)


def _check_right(transition, procuration, actor):
    if actor.role not in transition.roles:
        raise NotYours()
    if actor.role in TOWN_HALL and actor.commune_id != procuration.commune_id:
        raise NotYours()


def _leave_traces(act, procuration, actor, *, at, reason=None, comment="", tours=None, evidence=None):
    agent = actor if actor.role not in (Role.VOTER, Role.CLOCK) else None
    passage = Passage.create(procuration=procuration, act=act, status=procuration.status, version=procuration.version,
                             role=str(actor.role), agent=agent, at=at, reason=reason, comment=comment or None,
                             evidence=evidence)
    journal.record(actor, act, "procuration", procuration.id)
    mail.announce(passage, procuration, tours)


def last_passage(procuration):
    """The latest transition, with its file and commune: its hour is told on the town's clock."""
    return (Passage.select(Passage, Procuration, Commune).join(Procuration).join(Commune)
            .where(Passage.procuration == procuration.id).order_by(Passage.version.desc()).first())
