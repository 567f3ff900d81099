"""Places: which live acts hold one, on which tour (L. 73). Call inside a transaction, after `hold`.

Acts stand in legal order: by the instant of the authority's act, then by id. An act takes a place on a tour if those
before it leave room there and its mandant gave no older vote; the later acts that are then too many lose theirs, in
whatever commune. A place given back is not given on in silence: the next act without one is told (`Couverture.free`)
and its commune takes it by `attribuer`. Until then a new act may take it.

Ceilings are those of (scrutin, the mandant's commune). Where mandants of one mandataire vote under different ones, as
in Nouvelle-Calédonie, the lowest counts for all of them: no territory's ceiling is passed.
"""
from functools import cache
from itertools import count

from peewee import Case, Value, fn

from models import Commune, Couverture, Procuration, Tour, TourVise, now
from portal import database, scrutins, walls

ASKED = -1          # beside the places of a file: the tour is one it names
PLACES = ("place_perdue", "place_libre")        # of Procuration.ATTENTIONS, those of this module


# --- The tours of a file --------------------------------------------------------------------------------------------

def tours_of(procuration):
    """The tours a file covers: those it names, or every tour of its period; where its commune still votes."""
    known, commune = scrutins.upcoming(), procuration.commune
    if procuration.scrutin_id is None:
        return scrutins.voted_in(known, commune, scrutins.today(commune), procuration.valid_until)
    named = {tour for tour, in TourVise.select(TourVise.tour).where(TourVise.procuration == procuration).tuples()}
    return [tour for tour in scrutins.still_to_vote(known, commune) if tour.id in named]


def covers(procuration, tour):
    """Does the file cover `tour`, with or without a place?"""
    return Couverture.select().where(Couverture.procuration == procuration, Couverture.tour == tour).exists()


def held(procuration):
    """The tours on which the file holds a place, in order. One statement."""
    return list(Tour.select(Tour).join(Couverture)
                .where(Couverture.procuration == procuration, Couverture.place.is_null(False))
                .order_by(Tour.day, Tour.number))


@walls.whole_country()
def given_otherwise(procuration):
    """Does another act of the same mandant hold a tour that the file covers?"""
    mine = Couverture.alias()
    same = (mine.mandant_key == Couverture.mandant_key) & (mine.tour == Couverture.tour)
    return (Couverture.select().join(mine, on=same)
            .where(mine.procuration == procuration, Couverture.procuration != procuration,
                   Couverture.place.is_null(False)).exists())


@walls.whole_country()
def tours_and_places(files):
    """(file, tour, ASKED, -) for each tour a file names; (file, tour, place or None, whether another act of the mandant
    holds that tour) for each it covers. `files`: ids. One statement."""
    named = (TourVise.select(TourVise.procuration, TourVise.tour, Value(ASKED), Value(False))
             .where(TourVise.procuration.in_(files)))
    other = Couverture.alias()
    given = fn.EXISTS(other.select(Value(1)).where(other.mandant_key == Couverture.mandant_key,
                                                   other.tour == Couverture.tour, other.place.is_null(False)))
    covered = (Couverture.select(Couverture.procuration, Couverture.tour, Couverture.place,
                                 Case(None, [(Couverture.place.is_null(), given)], Value(False)))
               .where(Couverture.procuration.in_(files)))
    return list(named.union_all(covered).tuples())


def bearing(person, tours):
    """The acts that hold a place on `tours`, ids, in the name of `person`, for whom theirs holds none. A query of
    files' ids."""
    key = getattr(Couverture, f"{person.role}_key")
    return (Couverture.select(Couverture.procuration)
            .where(key == person.key, Couverture.tour.in_(tours), Couverture.place.is_null(False),
                   Couverture.procuration != person.procuration_id))


@walls.whole_country()
def borne_elsewhere(person, tours, commune):
    """Is one of them another town hall's than that of `commune`, a code?"""
    return Procuration.select().where(Procuration.id.in_(bearing(person, tours)),
                                      Procuration.commune != commune).exists()


@walls.whole_country()
def displaced_by(procuration):
    """How many later acts lost a place on its tours to the file: not whose, they may be another town hall's."""
    tours = Couverture.select(Couverture.tour).where(Couverture.procuration == procuration)
    same = ((Couverture.mandant_key == procuration.mandant.key)
            | (Couverture.mandataire_key == procuration.mandataire.key))
    return (Procuration.select(Procuration.id).join(Couverture)
            .where(Couverture.tour.in_(tours), Couverture.lost, same,
                   Procuration.established_at > procuration.established_at).distinct().count())


def pending_for_the_same_vote(procuration):
    """Requests of the same voter that cover a tour of `procuration`."""
    others = list(Procuration.select().where(Procuration.voter == procuration.voter_id, Procuration.status == "deposee",
                                             Procuration.id != procuration.id))
    mine = {tour.id for tour in tours_of(procuration)} if others else set()
    return [other for other in others if mine & {tour.id for tour in tours_of(other)}]


# --- The law, on acts already read ----------------------------------------------------------------------------------

def lawful(acts):
    """May one mandataire hold all of `acts` on a tour? (L. 73: so many in all, so many of them established in France.)
    """
    return (len(acts) <= min(act.rules.places for act in acts)
            and sum(not act.abroad for act in acts) <= min(act.rules.places_france for act in acts))


def losers(mine, acts):
    """Those that lose their place if `mine` takes one, None if it may not. `acts`: of its mandant or its mandataire on
    the tour, itself among them, in legal order."""
    turn = acts.index(mine)
    before, after = ([act for act in side if act.place] for side in (acts[:turn], acts[turn + 1:]))
    kept = [act for act in before if act.mandataire_key == mine.mandataire_key] + [mine]
    if any(act.mandant_key == mine.mandant_key for act in before) or not lawful(kept):
        return None
    lost = []
    for act in after:
        stays = act.mandant_key != mine.mandant_key and lawful([*kept, act])
        (kept if stays else lost).append(act)
    return lost


def next_in_line(acts, given):
    """Those without a place for which one is there now: nobody would lose any by it, no older act waits for it.

    `acts`: all of one mandataire on one tour, in legal order. `given`: (tour, mandant) of the votes that are given.
    """
    holding, found = [act for act in acts if act.place], []
    for act in acts:
        if not act.place and (act.tour_id, act.mandant_key) not in given and lawful([*holding, *found, act]):
            found.append(act)
    return found


# --- Reading --------------------------------------------------------------------------------------------------------

def hold(*files, mandants=(), mandataires=()):
    """Wait for whoever moves places of the same people; further keys of theirs may be given.

    All mandants in one order, then all mandataires in one order, so that nobody waits in a circle. Those of the
    mandants' other acts are among them: they may get a place back.
    """
    mandants = {*mandants, *(file.mandant.key for file in files)}
    database.hold(*(f"mandant|{key}" for key in mandants))
    others = Couverture.select(Couverture.mandataire_key).where(Couverture.mandant_key.in_(mandants)).tuples()
    mandataires = {*mandataires, *(file.mandataire.key for file in files), *(key for key, in others)}
    database.hold(*(f"mandataire|{key}" for key in mandataires))


def _acts(tours, whose):
    """The live acts on `tours`, in legal order, each with its rules."""
    acts = list(Couverture.select(Couverture, Procuration, Commune, Tour)
                .join(Procuration).join(Commune).join_from(Couverture, Tour)
                .where(Couverture.tour.in_(tours), whose).order_by(Procuration.established_at, Procuration.id))
    rules = cache(scrutins.rules)
    for act in acts:
        act.rules = rules(act.tour.scrutin_id, act.procuration.commune)
    return acts


def _given(tours, mandants):
    """(tour, mandant) of the votes that are given by an act with a place."""
    return set(Couverture.select(Couverture.tour, Couverture.mandant_key)
               .where(Couverture.tour.in_(tours), Couverture.mandant_key.in_(mandants),
                      Couverture.place.is_null(False)).tuples())


def foreseen(procuration, tours):
    """Of `tours`, those on which the file would get no place if it were established now, each with the reason:
    "donnee", the mandant already gave this vote, or "plafond", the mandataire holds all the law allows (L. 73).

    Nothing is held by it: another act may come first.
    """
    given = {tour for tour, _ in _given(tours, [procuration.mandant.key])}
    acts = [act for act in _acts(tours, Couverture.mandataire_key == procuration.mandataire.key) if act.place]
    rules = cache(scrutins.rules)
    full = {tour for tour in tours
            if not lawful([*(act for act in acts if act.tour_id == tour.id), _uncovered(procuration, tour, rules)])}
    return {tour: "donnee" if tour.id in given else "plafond" for tour in tours if tour.id in given or tour in full}


@walls.whole_country()
def offered(procuration):
    """The tours on which a place is there for the file now, with none there yet: what `attribuer` and `reprendre` give.
    """
    tours = tours_of(procuration)
    acts = _acts(tours, Couverture.mandataire_key == procuration.mandataire.key)
    given = _given(tours, [procuration.mandant.key, *(act.mandant_key for act in acts)])
    return [tour for tour in tours if _is_next(procuration, tour, acts, given)]


def _is_next(procuration, tour, acts, given):
    line = [act for act in acts if act.tour_id == tour.id]
    if not any(act.procuration_id == procuration.id for act in line):
        line = sorted([*line, _uncovered(procuration, tour)], key=_legal_order)
    return any(act.procuration_id == procuration.id for act in next_in_line(line, given))


def _legal_order(act):
    return act.procuration.established_at, act.procuration_id


def _uncovered(procuration, tour, rules=scrutins.rules):
    """The act on a tour it does not cover yet. Not written."""
    act = Couverture(procuration=procuration, tour=tour, mandant_key=procuration.mandant.key,
                     mandataire_key=procuration.mandataire.key, abroad=procuration.abroad)
    act.rules = rules(tour.scrutin_id, procuration.commune)
    return act


# --- Giving and taking ----------------------------------------------------------------------------------------------

def take(procuration, tours=None):
    """Cover each tour of the file (`tours` only, if given), with a place where the law leaves one."""
    tours = tours_of(procuration) if tours is None else tours
    _show(tours, procuration, lost=_enter(procuration, tours))


def take_back(procuration):
    """Places for an act that stands again: those it still holds and those that are there. Nobody loses any by it."""
    tours, there = tours_of(procuration), offered(procuration)
    for tour in tours:
        if not covers(procuration, tour):
            _uncovered(procuration, tour).save(force_insert=True)
    for act in _own(procuration, there):
        _give(act)
    _show(tours, procuration)


def take_offered(procuration):
    """The places that are there for it. Returns the tours, none when others were faster."""
    there = offered(procuration)
    for act in _own(procuration, there):
        _give(act)
    _show(there, procuration)
    return there


def take_anew(procuration, mandants=(), mandataires=()):
    """Places for an act whose people, instant or tours are others now; former keys are given. Tours over stay."""
    tours, known = tours_of(procuration), scrutins.upcoming()
    over = scrutins.over(known, procuration.commune)
    _drop(procuration, [tour for tour in known if tour not in over])
    lost = _enter(procuration, tours)
    _show(known, procuration, mandants=mandants, mandataires=mandataires, lost=lost)


def release(procuration, tours=None):
    """The file covers its tours no more (`tours` only, if given)."""
    given_back = [act.tour_id for act in _own(procuration, tours)]
    _drop(procuration, tours)
    _show([tour for tour in scrutins.upcoming() if tour.id in given_back], procuration)


def acknowledge(procuration):
    """The commune saw what happened to the places, and decided."""
    Couverture.update(lost=False).where(Couverture.procuration == procuration, Couverture.lost).execute()


def _own(procuration, tours=None):
    among = () if tours is None else (Couverture.tour.in_(tours),)
    return list(Couverture.select().where(Couverture.procuration == procuration, *among))


def _drop(procuration, tours=None):
    among = () if tours is None else (Couverture.tour.in_(tours),)
    Couverture.delete().where(Couverture.procuration == procuration, *among).execute()


def _enter(procuration, tours):
    """Cover `tours` in legal order. Returns the ids of the files that lost a place by it."""
    return {act.procuration_id for tour in tours for act in _enter_one(procuration, tour)}


def _enter_one(procuration, tour):
    mine = _uncovered(procuration, tour)
    mine.save(force_insert=True)
    acts = _acts([tour], (Couverture.mandant_key == mine.mandant_key)
                 | (Couverture.mandataire_key == mine.mandataire_key))
    lost = losers(mine, acts)
    for act in lost or ():
        Couverture.update(place=None, lost=True).where(Couverture.id == act.id).execute()
    if lost is not None:
        _give(mine)
    return lost or []


def _give(act):
    """The smallest number that no other act of the mandataire bears on the tour."""
    taken = {place for place, in Couverture.select(Couverture.place).where(
        Couverture.mandataire_key == act.mandataire_key, Couverture.tour == act.tour_id).tuples()}
    place = next(number for number in count(1) if number not in taken)
    Couverture.update(place=place, lost=False, free=False).where(Couverture.id == act.id).execute()


# --- Showing --------------------------------------------------------------------------------------------------------

def _show(tours, procuration, mandants=(), mandataires=(), lost=frozenset()):
    """Say which acts lost their place and for which one is there now, of all whom a move of the file on `tours` may
    concern: those of its mandataire, and of any mandataire named by its mandant or by one whose act lost its place.

    Whose place became free by an act of other people in the same instant may not be told: nothing depends on it.
    """
    mandants = {procuration.mandant.key, *mandants, *_mandants(lost)}
    lines = {(tour.id, key) for tour in tours for key in (procuration.mandataire.key, *mandataires)}
    lines.update(Couverture.select(Couverture.tour, Couverture.mandataire_key)
                 .where(Couverture.tour.in_(tours), Couverture.mandant_key.in_(mandants)).tuples())
    changed = _mark(tours, lines)
    for number in sorted(changed | lost):       # one order: nobody waits in a circle
        _call_attention(number, number in lost)


def _mandants(files):
    return [key for key, in Couverture.select(Couverture.mandant_key)
            .where(Couverture.procuration.in_(files)).distinct().tuples()] if files else []


def _mark(tours, lines):
    """Write `free` where it changed on `lines`: (tour, mandataire). Returns the ids of those files."""
    acts = _acts(tours, Couverture.mandataire_key.in_({key for _, key in lines}))
    given = _given(tours, {act.mandant_key for act in acts})
    free = {act.id for line in lines for act in next_in_line(
        [act for act in acts if (act.tour_id, act.mandataire_key) == line], given)}
    changed = [act for act in acts if (act.tour_id, act.mandataire_key) in lines and act.free != (act.id in free)]
    for act in changed:
        Couverture.update(free=act.id in free).where(Couverture.id == act.id).execute()
    return {act.procuration_id for act in changed}


def _call_attention(number, lost):
    """A lost place also moves the version: the form of somebody who still saw it must not pass. The status stays the
    commune's, whichever it is. Either way the checks are to be made again (`portal.decisions`)."""
    attention = _why(Couverture.select().where(Couverture.procuration == number))
    if lost:
        Procuration.update(attention=attention, review_at=now(), version=Procuration.version + 1).where(
            Procuration.id == number).execute()
    else:
        Procuration.update(attention=attention, review_at=now()).where(
            Procuration.id == number, Procuration.attention.is_null() | Procuration.attention.in_(PLACES)).execute()


def _why(acts):
    if any(act.lost and not act.free for act in acts):
        return "place_perdue"
    return "place_libre" if any(act.free for act in acts) else None
