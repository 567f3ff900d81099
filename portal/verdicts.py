"""The usual checks of a file, made and kept: at each act on it, when a roll is imported, when a place or a tour moves.

`review` writes `Procuration.verdicts` and never a status. What follows from verdicts is in `portal.decisions`.
"""
import datetime
from collections import defaultdict

from peewee import prefetch

from models import (LIVE, Commune, Couverture, Passage, Personne, Procuration, Rules, Scrutin, SingleUse, Status, Tour,
                    TourDay, now)
from portal import checks, places, rolls, scrutins, sealed, walls
from portal.checks import Facts, OnTour, Search, Verdict
from portal.database import hold, transaction

RECENT = datetime.timedelta(days=30)    # an older roll cannot say that somebody is not on it: voters register any day
TRIES = 10                              # namings a voter may have looked up a day (design 5)
A_DAY = datetime.timedelta(days=1)


def review(procuration, since=None):
    """Make the checks and keep them with the file, in the transaction of what moved it. Where the rules let the clock
    decide, it does from `since` on (an instant, now if None). Returns the verdicts."""
    facts = facts_of(procuration)
    verdicts = checks.usual(facts)
    kept = {"verdicts": [one._asdict() for one in verdicts], "verdict": checks.gravest(verdicts),
            "review_at": (since or now()) if _clock_may_decide(facts, verdicts) else None}
    Procuration.update(kept).where(Procuration.id == procuration.id).execute()
    procuration.__data__.update(kept)
    _keep_station(procuration, verdicts)
    return verdicts


@walls.whole_country()
def examined(procuration):
    """The checks as they are now, who decides by the rules, and what they leave no doubt about: see `proposed`."""
    facts = facts_of(procuration)
    found = checks.usual(facts)
    return found, mode(facts), proposed(procuration, found)


def again(number):
    """The clock makes the checks of the file `number` again, soon: another act moved what they look at."""
    Procuration.update(review_at=now()).where(Procuration.id == number).execute()


def forget(procuration):
    """The file is not established any more: nothing was checked."""
    columns = {"verdicts": None, "verdict": None, "review_at": None}
    Procuration.update(columns).where(Procuration.id == procuration.id).execute()
    procuration.__data__.update(columns)


def kept(procuration):
    """The verdicts as they were kept, none where none were."""
    return [Verdict(**one) for one in procuration.verdicts or ()]


def _keep_station(procuration, verdicts):
    """Where the mandant votes, told to the mandataire by the mandant: only what is certain."""
    listed = next(one for one in verdicts if one.check == "mandant_listed")
    station = (listed.evidence.get("station") or "")[:Personne.station.max_length] or None
    if procuration.mandant.station != station:
        Personne.update(station=station).where(Personne.id == procuration.mandant.id).execute()
        procuration.mandant.station = station


def proposed(procuration, verdicts):
    """checks.proposed, for whom a roll that knows few of its own voters proves nothing: one wrong file would invalidate
    all that waits, and files of other communes whose mandataires it should name."""
    return checks.proposed([
        one._replace(verdict=checks.TO_VERIFY) if one.verdict == checks.KO and _by_a_doubtful_roll(procuration, one)
        else one for one in verdicts])


def _by_a_doubtful_roll(procuration, verdict):
    searched = {"mandant_listed": procuration.commune,
                "mandataire_listed": procuration.mandataire.commune or procuration.commune}
    return verdict.check in searched and not rolls.acquaintance(searched[verdict.check]).is_good


# --- Who decides ----------------------------------------------------------------------------------------------------

def mode(facts):
    """Of Rules.MODES: on several tours the one that leaves most to the commune."""
    modes = [on.rules.mode for on in facts.tours] or [scrutins.rules(None, facts.file.commune).mode]
    return min(modes, key=Rules.MODES.index)


def _clock_may_decide(facts, verdicts):
    file = facts.file
    return (file.status == Status.ETABLIE and mode(facts) == "automatic" and not file.declined_at
            and proposed(file, verdicts) is not None and not reopened(file))


def reopened(procuration):
    """The commune took the file in its own hands: the clock does not decide it any more."""
    return Passage.select().where(Passage.procuration == procuration, Passage.act == "reprendre").exists()


# --- Facts ----------------------------------------------------------------------------------------------------------

def facts_of(procuration):
    """What the checks look at: a constant number of statements, whatever the file covers."""
    tours = _tours(procuration)
    lists = {kind for on in tours for kind in on.rules.lists.split()} or {"LP"}
    together = any(on.rules.same_commune for on in tours)
    mandataire = procuration.mandataire
    registered_in = procuration.commune if together else mandataire.commune
    return Facts(procuration, scrutins.today(procuration.commune), tours,
                 search(procuration.commune, procuration.mandant, lists), search(registered_in, mandataire, lists))


def search(commune, person, lists):
    """What the rolls `lists` of `commune` (None: of the country) say of `person`."""
    known = rolls.current(commune) if commune else {}
    if commune and not set(known) & set(lists):
        return Search(where=commune.label)
    found = rolls.candidates(commune, person, sorted(lists))
    if commune is None:
        return Search((found,) if found else (), looked=1)
    looked = {kind: roll for kind, roll in known.items() if kind in lists}
    groups = _by_roll(found, {roll.id: kind for kind, roll in looked.items()})
    return Search(tuple(groups.values()), tuple(groups), commune.label, len(looked), _is_whole(looked, lists))


def _by_roll(found, kinds):
    """The candidates by list: somebody may be on both complementary ones, but on the main one alone."""
    groups = defaultdict(list)
    for match in found:
        groups[kinds.get(match.elector.roll_id, "LP")].append(match)
    return {"LP": found} if "LP" in groups else groups


def _is_whole(looked, lists):
    return set(looked) == set(lists) and all(
        roll.left_out == 0 and roll.current_since > now() - RECENT for roll in looked.values())


def _tours(procuration):
    """The file on each tour it covers, or would cover if it lived."""
    commune = procuration.commune
    covered = {row.tour_id: row for row in Couverture.select().where(Couverture.procuration == procuration)}
    if procuration.status not in LIVE:
        covered = {tour.id: None for tour in places.tours_of(procuration)}
    found = prefetch(Tour.select(Tour, Scrutin).join(Scrutin).where(Tour.id.in_(list(covered))), TourDay.select())
    rules = list(Rules.select().where(Rules.territory.in_(commune.territories)))
    rivals = _rivals(procuration) if procuration.status in LIVE else []
    tours = [_on_tour(tour, covered[tour.id], procuration, scrutins.rules_among(rules, tour.scrutin, commune), rivals)
             for tour in found]
    return sorted(tours, key=lambda on: (on.day, on.tour.number))


def _on_tour(tour, mine, procuration, rules, rivals):
    against = [act for act in rivals if act.tour_id == tour.id]
    return OnTour(tour, scrutins.day_shown(tour, procuration.commune), rules, mine and mine.place,
                  given=bool(mine) and any(act.place and act.mandant_key == mine.mandant_key for act in against),
                  free=bool(mine) and mine.free, tied=_tied(procuration, mine, against) if mine else ())


def _rivals(procuration):
    """The other live acts of its mandant or its mandataire on its tours, with their file and its commune."""
    mine, file = Couverture.alias(), Procuration
    met = ((mine.tour == Couverture.tour) & (mine.procuration == procuration)
           & ((mine.mandant_key == Couverture.mandant_key) | (mine.mandataire_key == Couverture.mandataire_key)))
    return list(Couverture.select(Couverture, file, Commune).join(file).join(Commune)
                .join_from(Couverture, mine, on=met).where(Couverture.procuration != procuration))


def _tied(procuration, mine, against):
    """Whose acts may have come first, for all that is known: same day, an hour missing, a place for one of the two."""
    day = scrutins.local_day(procuration.established_at, procuration.commune)
    tied = [act for act in against
            if not (procuration.timed and act.procuration.timed) and bool(mine.place) != bool(act.place)
            and scrutins.local_day(act.procuration.established_at, act.procuration.commune) == day]
    return tuple(role for role in Personne.ROLES
                 if any(getattr(act, f"{role}_key") == getattr(mine, f"{role}_key") for act in tied))


# --- At filing ------------------------------------------------------------------------------------------------------

def found(voter, commune, mandataire, tours):
    """Are the voter and the mandataire on the rolls: (True or False, True or False), False for all that is not
    certain. None once the voter named TRIES others today: nobody may search the rolls by this."""
    where = mandataire.commune and mandataire.commune.code
    if not _may_try(voter, f"{commune.code}|{mandataire.key}|{where}|{mandataire.nne}"):
        return None
    rules = [scrutins.rules(scrutin, commune) for scrutin in {tour.scrutin for tour in tours}]
    voting = [row.lists for row in rules]
    lists = {kind for text in voting for kind in text.split()} or {"LP"}
    registered_in = commune if any(row.same_commune for row in rules) else mandataire.commune
    return tuple(checks.listed(search(where, person, lists), voting)[0] == checks.OK
                 for where, person in ((commune, voter), (registered_in, mandataire)))


def _may_try(voter, named):
    """Count what was named, once a day however often it is looked at again."""
    subject, mark = f"verifier:{voter.id}", sealed.derived("verifier", f"{voter.id}|{named}")
    tries = SingleUse.select().where(SingleUse.kind == "verifier", SingleUse.subject == subject,
                                     SingleUse.expires_at > now())
    if tries.where(SingleUse.hash == mark).exists():
        return True
    with transaction():
        hold(subject)                                   # of many at once, each would find room
        if tries.count() >= TRIES:
            return False
        fresh = {"kind": "verifier", "subject": subject, "expires_at": now() + A_DAY}
        SingleUse.insert(hash=mark, **fresh).on_conflict(conflict_target=(SingleUse.hash,), update=fresh).execute()
    return True
