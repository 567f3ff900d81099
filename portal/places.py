"""Places: which live procurations hold one, for which tour (L. 73). Call inside the transaction holding both keys."""
from collections import Counter

from models import Couverture, Procuration, Tour, TourVise
from portal import scrutins


def tours_of(procuration):
    """The tours a file covers: those it names, or every tour of its commune within its period."""
    known, commune = scrutins.upcoming(), procuration.commune
    if procuration.scrutin_id is None:
        return scrutins.voted_in(known, commune, scrutins.today(commune), procuration.valid_until)
    named = {tour for tour, in TourVise.select(TourVise.tour).where(TourVise.procuration == procuration).tuples()}
    return [tour for tour in known if tour.id in named]


def take(procuration, tours=None):
    """Cover each tour of the file (of `tours` only, if given), with the first free place its mandataire has there, or
    without one."""
    mandant, mandataire = procuration.mandant.key, procuration.mandataire.key
    for tour in tours_of(procuration) if tours is None else tours:
        rules = scrutins.rules(tour.scrutin, procuration.commune)
        Couverture.create(procuration=procuration, tour=tour, mandant_key=mandant, mandataire_key=mandataire,
                          place=_free_place(tour, mandant, mandataire, rules))


def _free_place(tour, mandant, mandataire, rules):
    """The smallest free place of the mandataire, None when there is none or the mandant already gave this vote."""
    if Couverture.select().where(Couverture.mandant_key == mandant, Couverture.tour == tour,
                                 Couverture.place.is_null(False)).exists():
        return None
    taken = {place for place, in Couverture.select(Couverture.place).where(
        Couverture.mandataire_key == mandataire, Couverture.tour == tour).tuples()}
    return next((place for place in range(1, rules.places_france + 1) if place not in taken), None)


def release(procuration, tours=None):
    """The file covers its tours no more (`tours` only, if given)."""
    among = () if tours is None else (Couverture.tour.in_(tours),)
    Couverture.delete().where(Couverture.procuration == procuration, *among).execute()


def covers(procuration, tour):
    """Does the file cover `tour`, with or without a place?"""
    return Couverture.select().where(Couverture.procuration == procuration, Couverture.tour == tour).exists()


def held(procuration):
    """The tours on which the file holds a place, in order. One statement."""
    return list(Tour.select(Tour).join(Couverture)
                .where(Couverture.procuration == procuration, Couverture.place.is_null(False))
                .order_by(Tour.day, Tour.number))


def pending_for_the_same_vote(procuration):
    """Requests of the same voter that cover a tour of `procuration`."""
    others = list(Procuration.select().where(Procuration.voter == procuration.voter_id, Procuration.status == "deposee",
                                             Procuration.id != procuration.id))
    mine = {tour.id for tour in tours_of(procuration)} if others else set()
    return [other for other in others if mine & {tour.id for tour in tours_of(other)}]


def foreseen(procuration, tours):
    """Of `tours`, those on which the file would get no place if it were established now, each with the reason:
    "donnee", the mandant already gave this vote, or "plafond", the mandataire holds all the law allows (L. 73).

    Nothing is held by it: another act may come first. One statement, and one per scrutin.
    """
    mandant, mandataire = procuration.mandant.key, procuration.mandataire.key
    held = list(Couverture.select().where(
        Couverture.tour.in_(tours), Couverture.place.is_null(False),
        (Couverture.mandant_key == mandant) | (Couverture.mandataire_key == mandataire)))
    given = {row.tour_id for row in held if row.mandant_key == mandant}
    taken = Counter(row.tour_id for row in held if row.mandataire_key == mandataire)
    most = {scrutin: scrutins.rules(scrutin, procuration.commune).places_france
            for scrutin in {tour.scrutin_id for tour in tours}}
    return {tour: "donnee" if tour.id in given else "plafond" for tour in tours
            if tour.id in given or taken[tour.id] >= most[tour.scrutin_id]}
