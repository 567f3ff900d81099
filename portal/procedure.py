"""The acts on a file: the only place that writes `status`.

Each act is one transaction: a guarded update, one passage, one event, one mail per recipient. All raise `NotYours`
for an actor without the right, `OwnFile` for an officer whom the file names, `AlreadyDecided` when somebody else was
faster, and write nothing then.
"""
import datetime
from contextlib import suppress
from dataclasses import dataclass, field

from peewee import JOIN, IntegrityError, Model

from models import (LIVE, TOWN_HALL, TRANSITIONS, Agent, Commune, Mot, Passage, Personne, Procuration, Reference,
                    Role, Scrutin, Status, Tour, TourVise, now)
from portal import (addresses, journal, law, mail, mandataires, names, places, references, scrutins, separation,
                    verdicts, walls)
from portal.database import clock, transaction
from portal.errors import (AlreadyDecided, Echue, NoPlaceHeld, NothingChanged, NotYours, PlaceGone, PlaceHeld,
                           PlacesMoved, PollChanged, PollOver, ReasonMissing, TooLateToUndo)

TIME_TO_UNDO = datetime.timedelta(minutes=15)           # design 4
MOMENT = datetime.timedelta(microseconds=1)


class _Clock:
    """The system acting by itself."""

    id = None
    role = Role.CLOCK


CLOCK = _Clock()


@dataclass(frozen=True)
class Named:
    """Somebody as a form names them. A mandataire has a `commune` of registration or an `nne`, text of 8-9 digits."""

    birth_name: str
    first_names: str
    sex: str
    birth_date: str
    commune: Commune | None = None
    nne: str | None = None
    email: str | None = None
    used_name: str | None = None
    birth_place: str = ""

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


@dataclass(frozen=True)
class Acte:
    """A paper act as the town hall types it, already checked by the form: tours of one scrutin, or until a local day.

    `established_at` is an instant; where the act says its day only (`timed` False), any instant of that local day.
    """

    mandant: Named
    mandataire: Named
    valid_until: datetime.date
    authority: str                                      # name and quality, as written on it
    authority_place: str
    established_at: datetime.datetime
    timed: bool = True
    abroad: bool = False
    scrutin: Scrutin | None = None
    tours: list = field(default_factory=list)
    email: str | None = None
    filing_key: str | None = None

    def legal_instant(self, commune):
        """Where the act stands in the legal order (L. 73). Without an hour it stands at the end of its day: who cannot
        show an hour takes no place from who can."""
        if self.timed:
            return self.established_at
        return scrutins.end_of(scrutins.local_day(self.established_at, commune), commune) - MOMENT


# --- The voter ------------------------------------------------------------------------------------------------------

def deposer(demande, voter):
    """File a request and draw its reference. The same `filing_key` sent twice gives the first request back.

    Raises PollChanged when a tour it names was removed meanwhile.
    """
    return _once(_file, demande, voter, Procuration.voter == voter)


def _once(begin, said, actor, own):
    """The file that `begin` makes of what was `said`; the one it made before where it was sent twice."""
    try:
        with transaction():
            return begin(said, actor)
    except IntegrityError as error:
        known = said.filing_key and Procuration.get_or_none(Procuration.filing_key == said.filing_key, own)
        if known:
            return known
        if Tour.select().where(Tour.id.in_([tour.id for tour in said.tours])).count() < len(said.tours):
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
    _name_tours(procuration, demande.tours)
    procuration.reference = references.draw(procuration)
    _leave_traces("deposer", procuration, voter, at=filed_at, tours=demande.tours or None)
    return procuration


def _name_people(procuration, voter, demande):
    shared = ("birth_name", "first_names", "sex", "birth_date", "key")
    mandant = Personne(procuration=procuration, role="mandant", used_name=voter.used_name,
                       birth_place=voter.birth_place, **{name: getattr(voter, name) for name in shared})
    mandataire = Personne(procuration=procuration, role="mandataire", commune=demande.mandataire.commune,
                          nne=demande.mandataire.nne, email=demande.mandataire.email,
                          **{name: getattr(demande.mandataire, name) for name in shared})
    Personne.bulk_create([mandant, mandataire])
    return {"mandant": mandant, "mandataire": mandataire}


def _name_tours(procuration, tours):
    if tours:
        TourVise.insert_many([(procuration.id, tour.id, scrutins.day_of(tour, procuration.commune)) for tour in tours],
                             fields=[TourVise.procuration, TourVise.tour, TourVise.day]).execute()


def retirer(procuration, voter):
    """The mandant gives a request up before it is presented."""
    if procuration.voter_id != voter.id:
        raise NotYours()
    with transaction():
        _move("retirer", procuration, voter, reason="choix_du_mandant")


# --- The officer ----------------------------------------------------------------------------------------------------

def etablir(procuration, actor, certified=None):
    """The authority's act: from here the procuration exists in law. Never refused for a ceiling or for being late;
    only a poll that is over is (`PollOver`). A voter may do it too, where the rules accept a certified digital
    identity in place of the visit (décret 2025-1059): `certified` is its evidence."""
    if actor.role == Role.VOTER:
        _check_no_visit(procuration, actor, certified)
    with transaction():
        places.hold(procuration)
        at = clock()
        if scrutins.has_ended(procuration, at):
            raise PollOver()
        _move("etablir", procuration, actor, at=at, established_at=at, certified=certified, **_authority(actor))
        Reference.update(used_at=at).where(Reference.procuration == procuration, Reference.kind == "etablir").execute()
        places.take(procuration)
        verdicts.review(procuration, at + TIME_TO_UNDO if procuration.officer else at)
        _index_words(procuration)
        for other in places.pending_for_the_same_vote(procuration):
            with suppress(AlreadyDecided):  # given up in this very instant: out of the way too
                _move("retirer", other, CLOCK, reason="remplacee_par_une_autre")
        mandataires.notify(procuration, at + TIME_TO_UNDO)


def _authority(actor):
    """As the act will say it; a voter with a certified identity needs none."""
    if actor.role == Role.VOTER:
        return {}
    return {"officer": actor, "authority_place": actor.place,
            "authority": ", ".join(filter(None, (actor.name, actor.quality)))}


def _check_no_visit(procuration, voter, certified):
    """The voter's own file, with a proof, where the rules accept one."""
    if not (certified and procuration.voter_id == voter.id and scrutins.without_visit([procuration])):
        raise NotYours()


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
        places.hold(procuration)
        _move("defaire", procuration, officer, reason=reason,
              established_at=None, officer=None, authority="", authority_place="")
        Reference.update(used_at=None).where(Reference.procuration == procuration,
                                             Reference.kind == "etablir").execute()
        # What was asked to end is undone: a reference that waits must not end the next act.
        (Reference.update(ended_at=now(), reason="choix_du_mandant")
         .where(Reference.procuration == procuration, Reference.kind == "resilier", Reference.ended_at.is_null())
         .execute())
        places.release(procuration)
        verdicts.forget(procuration)
        Mot.delete().where(Mot.procuration == procuration).execute()


def _index_words(procuration):
    found = names.words(*(name for person in (procuration.mandant, procuration.mandataire)
                          for name in (person.birth_name, person.used_name, person.first_names)))
    Mot.insert_many([(procuration.commune_id, word, procuration.id) for word in sorted(found)],
                    fields=[Mot.commune, Mot.word, Mot.procuration]).execute()


# --- The commune ----------------------------------------------------------------------------------------------------

@walls.whole_country()
def saisir(acte, agent):
    """The commune types a paper act: checked and counted like the others. The same `filing_key` sent twice gives the
    first file back. Raises PollOver; PollChanged when a tour it names was removed meanwhile."""
    return _once(_type_in, acte, agent, Procuration.commune == agent.commune)


def _type_in(acte, agent):
    procuration = Procuration(commune=agent.commune, status=TRANSITIONS["saisir"].target, origin="paper",
                              filing_key=acte.filing_key, **_written(acte, agent.commune))
    _check_right(TRANSITIONS["saisir"], procuration, agent)
    _check_not_over(procuration)
    places.hold(mandants=[acte.mandant.key], mandataires=[acte.mandataire.key])
    procuration.save(force_insert=True)
    procuration.people = {role: Personne.create(procuration=procuration, role=role, **columns)
                          for role, columns in _identities(acte).items()}
    _name_tours(procuration, acte.tours)
    _leave_traces("saisir", procuration, agent, at=now(), tours=acte.tours or None)
    places.take(procuration)
    verdicts.review(procuration)
    _index_words(procuration)
    return procuration


def _check_not_over(procuration):
    if scrutins.has_ended(procuration):
        raise PollOver()


def _written(acte, commune):
    """The columns of a file that a paper act fills."""
    return {"scrutin": acte.scrutin, "valid_until": acte.valid_until, "email": acte.email, "authority": acte.authority,
            "authority_place": acte.authority_place, "established_at": acte.legal_instant(commune),
            "timed": acte.timed, "abroad": acte.abroad}


def _identities(acte):
    """The columns of both people, by role."""
    shared = ("birth_name", "first_names", "sex", "birth_date", "used_name", "birth_place", "commune", "nne", "key")
    return {role: {name: getattr(person, name) for name in shared}
            for role, person in (("mandant", acte.mandant), ("mandataire", acte.mandataire))}


@walls.whole_country()
def corriger(procuration, agent, acte):
    """What was mistyped on a paper act, while it is not decided; the passage keeps each column before and after.
    Places are sought anew, as if it had been typed so at first, where people, instant or tours are others.

    Raises NothingChanged when `acte` says what the file says.
    """
    if procuration.origin != "paper":
        raise NotYours()
    with transaction():
        changes = corrections(procuration, acte)
        if not changes:
            raise NothingChanged()
        former = {role: person.key for role, person in procuration.people.items()}
        places.hold(procuration, mandants=[acte.mandant.key], mandataires=[acte.mandataire.key])
        _move("corriger", procuration, agent, record=changes, **_written(acte, procuration.commune))
        _check_not_over(procuration)
        _rewrite(procuration, acte, changes)
        if COUNTED & set(changes):
            places.take_anew(procuration, [former["mandant"]], [former["mandataire"]])
        verdicts.review(procuration)


# Of a correction: what the places depend on.
COUNTED = {"established_at", "valid_until", "abroad", "scrutin", "tours",
           *(f"{role}.{name}" for role in Personne.ROLES for name in ("birth_name", "first_names", "birth_date"))}


def corrections(procuration, acte):
    """{column: [before, after]} of what `acte` says otherwise than the file; people's as "mandant.birth_name", tours as
    "tours", lists of ids. JSON only: instants and days in ISO."""
    before = {name: getattr(procuration, name) for name in _written(acte, procuration.commune)}
    before["tours"] = sorted(tour for tour, in TourVise.select(TourVise.tour).where(
        TourVise.procuration == procuration).tuples())
    after = {**_written(acte, procuration.commune), "tours": sorted(tour.id for tour in acte.tours)}
    for role, columns in _identities(acte).items():
        del columns["key"]                              # says no more than the names
        before |= {f"{role}.{name}": getattr(procuration.people[role], name) for name in columns}
        after |= {f"{role}.{name}": value for name, value in columns.items()}
    return {name: [_plain(before[name]), _plain(after[name])] for name in after if before[name] != after[name]}


def _plain(value):
    if isinstance(value, Model):
        return value._pk
    return value.isoformat() if isinstance(value, datetime.date) else value


def _rewrite(procuration, acte, changes):
    """People keep the key somebody told apart (`distinguer`) as long as they are called and born the same."""
    for role, columns in _identities(acte).items():
        if not COUNTED & {name for name in changes if name.startswith(f"{role}.")}:
            del columns["key"]
        Personne.update(columns).where(Personne.id == procuration.people[role].id).execute()
    TourVise.delete().where(TourVise.procuration == procuration).execute()
    _name_tours(procuration, acte.tours)
    del procuration.people                              # read again
    Mot.delete().where(Mot.procuration == procuration).execute()
    _index_words(procuration)


@walls.whole_country()
def attribuer(procuration, agent):
    """The commune takes the places that are there again for an act that stood without (L. 73). Raises PlaceGone."""
    with transaction():
        places.hold(procuration)
        _move("attribuer", procuration, agent)
        if not places.take_offered(procuration):
            raise PlaceGone()
        verdicts.review(procuration)


@walls.whole_country()
def distinguer(procuration, agent, role):
    """“Ce n'est pas la même personne”: the mandant or mandataire of this file only looks like somebody of other files.
    Nobody else bears their key from here; places are sought anew. Raises NothingChanged when they are told apart."""
    person = procuration.people[role]
    key = f"{person.key[:LONGEST_KEY]} #{procuration.id}"
    if person.key.endswith(f" #{procuration.id}"):
        raise NothingChanged()
    with transaction():
        places.hold(procuration, mandants=[key], mandataires=[key])
        _move("distinguer", procuration, agent, record={f"{role}.key": [None, str(procuration.id)]})
        former = {one.role: one.key for one in procuration.people.values()}
        Personne.update(key=key).where(Personne.id == person.id).execute()
        person.key = key
        places.take_anew(procuration, [former["mandant"]], [former["mandataire"]])
        verdicts.review(procuration)


LONGEST_KEY = Personne.key.max_length - 20              # what `distinguer` adds has room


@walls.whole_country()
def valider(procuration, actor):
    """The commune's yes, for the tours where a place is held; `NoPlaceHeld` when there is none."""
    with transaction():
        _move("valider", procuration, actor, decided_at=now())  # first: who lost a race must hear of that
        if not places.held(procuration):
            raise NoPlaceHeld()
        places.acknowledge(procuration)


@walls.whole_country()
def invalider(procuration, actor, reason, comment=""):
    """The commune's no: a fault found at its check. The ceiling is one only where no place is held (`PlaceHeld`)."""
    with transaction():
        places.hold(procuration)
        _move("invalider", procuration, actor, reason=reason, comment=comment, decided_at=now())
        if reason == "plafond_atteint" and places.held(procuration):
            raise PlaceHeld()
        places.release(procuration)


@walls.whole_country()
def reprendre(procuration, actor):
    """The commune takes its decision back. Places that are there are taken anew: other acts may hold them by now."""
    with transaction():
        places.hold(procuration)
        _move("reprendre", procuration, actor, decided_at=None)
        places.acknowledge(procuration)
        places.take_back(procuration)
        verdicts.review(procuration)


@walls.whole_country()
def annuler(procuration, actor, reason, comment=""):
    """An event after establishment ends it (L. 77, R. 80)."""
    with transaction():
        places.hold(procuration)
        _move("annuler", procuration, actor, reason=reason, comment=comment)
        places.release(procuration)


@walls.whole_country()
def resilier(procuration, actor, evidence=None, certified=None):
    """The mandant takes the vote back after establishment (L. 75, R. 78): in person before an officer, on a paper act
    that the town hall received (`evidence`: authority, place, day in ISO), or by the voter's own certified identity
    (`certified`, kept as evidence), without which a voter has no right to it."""
    if actor.role == Role.VOTER:
        _check_no_visit(procuration, actor, certified)
    with transaction():
        places.hold(procuration)
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

def _move(act, procuration, actor, *, reason=None, comment="", at=None, evidence=None, record=None, **changes):
    """The guarded update: from the status and version that `procuration` was read with, or `AlreadyDecided`. Nothing
    befalls an established act after its last day (`Echue`).

    `record` is what a correction changed. What the commune was to look at is seen, and an act that ended needs no look.
    """
    transition = TRANSITIONS[act]
    _check_right(transition, procuration, actor)
    if Status.DEPOSEE not in transition.sources and scrutins.has_ended(procuration):
        raise Echue()
    if transition.reasons and reason not in transition.reasons:
        raise ReasonMissing()
    if actor.role in TOWN_HALL or transition.target not in LIVE:
        changes["attention"] = None
    changes = {"status": transition.target, "version": procuration.version + 1, **changes}
    if not (Procuration.update(changes)
            .where(Procuration.id == procuration.id, Procuration.version == procuration.version,
                   Procuration.status.in_(transition.sources)).execute()):
        raise _who_was_faster(procuration)
    for name, value in changes.items():
        setattr(procuration, name, value)
    _leave_traces(act, procuration, actor, at=at or now(), reason=reason, comment=comment, evidence=evidence,
                  changes=record)


def _who_was_faster(procuration):
    """Somebody decided, or an older act took a place since it was read: versions move with both."""
    last = last_passage(procuration)
    moved = Procuration.select().where(Procuration.id == procuration.id, Procuration.version > procuration.version)
    return (PlacesMoved if last.version <= procuration.version and moved.exists() else AlreadyDecided)(last)


def _check_right(transition, procuration, actor):
    if actor.role not in transition.roles:
        raise NotYours()
    if actor.role in TOWN_HALL and actor.commune_id != procuration.commune_id:
        raise NotYours()
    if actor.role == Role.OFFICER:
        separation.check(procuration, actor)


def _leave_traces(act, procuration, actor, *, at, reason=None, comment="", tours=None, evidence=None,
                  changes=None):
    agent = actor if actor.role not in (Role.VOTER, Role.CLOCK) else None
    passage = Passage.create(procuration=procuration, act=act, status=procuration.status, version=procuration.version,
                             role=str(actor.role), agent=agent, at=at, reason=reason, comment=comment or None,
                             evidence=evidence, changes=changes)
    journal.record(actor, act, "procuration", procuration.id)
    mail.announce(passage, procuration, tours)
    if act in mandataires.ENDINGS:
        mandataires.withdraw(procuration)


def refusal(procuration, act):
    """AlreadyDecided or Echue where `act` can no longer befall the established file, None where it may."""
    if procuration.status not in TRANSITIONS[act].sources:
        return AlreadyDecided(last_passage(procuration))
    return Echue() if scrutins.has_ended(procuration) else None


@walls.whole_country()
def last_passage(procuration):
    """The latest transition, with who made it, its file and commune: its hour is told on the town's clock."""
    return (Passage.select(Passage, Agent, Procuration, Commune).join(Agent, JOIN.LEFT_OUTER)
            .join_from(Passage, Procuration).join(Commune)
            .where(Passage.procuration == procuration.id).order_by(Passage.version.desc()).first())
