"""A slow, obvious judge of places (L. 73): the whole history of the acts kept in lists, the law applied to all of them
anew at each step. It shares no code with portal.places."""
from typing import NamedTuple


class Act(NamedTuple):
    """What the law looks at. `most` is (in all, in France), the ceilings of its own territory."""

    number: int
    instant: object
    mandant: str
    mandataire: str
    tours: frozenset
    abroad: bool
    most: tuple


class Judge:
    """`held` and `lost` hold (number of an act, tour); `lost` those taken by an older act, until the commune decides.
    """

    def __init__(self):
        self.acts, self.held, self.lost = {}, set(), set()

    def establish(self, act):
        self.acts[act.number] = act
        for tour in act.tours:
            self._enter(act, tour)

    def _enter(self, act, tour):
        kept = []
        for one in self._in_order({*self._holding(tour), act}):
            if self._may_stand_with(kept, one):
                kept.append(one)
        if act in kept:
            self.lost |= {(one.number, tour) for one in self._holding(tour) if one not in kept}
            self.held = {place for place in self.held if place[1] != tour} | {(one.number, tour) for one in kept}

    def cover(self, number, tour):
        """A tour that was added, where the act does not name it yet."""
        act = self.acts[number]
        if tour not in act.tours:
            self.acts[number] = act._replace(tours=act.tours | {tour})
            self._enter(self.acts[number], tour)

    def end(self, number):
        del self.acts[number]
        self.held = {place for place in self.held if place[0] != number}
        self.decide(number)

    def decide(self, number):
        self.lost = {place for place in self.lost if place[0] != number}

    def correct(self, act):
        self.end(act.number)
        self.establish(act)

    def give(self, number):
        """Whether there was something to give."""
        there = {place for place in self.free() if place[0] == number}
        self.held |= there
        self.lost -= there
        return bool(there)

    def reopen(self, act):
        self.acts[act.number] = act
        self.decide(act.number)
        self.give(act.number)

    def free(self):
        """(number, tour) of the acts without a place for which one is there: the next in line of each mandataire."""
        found = set()
        for tour in {tour for act in self.acts.values() for tour in act.tours}:
            for mandataire in {act.mandataire for act in self.acts.values()}:
                found |= {(act.number, tour) for act in self._line(tour, mandataire)}
        return found

    def _line(self, tour, mandataire):
        holding, line = self._holding(tour), []
        for act in self._in_order(self.acts.values()):
            waits = act.mandataire == mandataire and tour in act.tours and act not in holding
            votes = any(one.mandant == act.mandant for one in holding)
            if waits and not votes and within_the_ceilings(
                    [one for one in [*holding, *line, act] if one.mandataire == mandataire]):
                line.append(act)
        return line

    def _holding(self, tour):
        return [act for act in self.acts.values() if (act.number, tour) in self.held]

    @staticmethod
    def _in_order(acts):
        return sorted(acts, key=lambda act: (act.instant, act.number))

    @staticmethod
    def _may_stand_with(kept, act):
        if any(one.mandant == act.mandant for one in kept):
            return False
        return within_the_ceilings([one for one in [*kept, act] if one.mandataire == act.mandataire])


def within_the_ceilings(acts):
    return all(len(acts) <= in_all and len([one for one in acts if not one.abroad]) <= in_france
               for in_all, in_france in (act.most for act in acts))
