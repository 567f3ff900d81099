"""Many acts at once, from several processes: lawful places only (L. 73), no error, nobody waits in a circle."""
import contextlib
import datetime
import itertools
import multiprocessing
import random
import time

from models import Couverture, Passage, Procuration, Tour, database, now
from portal import procedure
from portal.database import open_database
from portal.errors import Refused
from portal.settings import use
from tests.factories import a_commune, a_mandataire, a_procuration, a_scrutin, an_acte, an_agent, an_officer, somebody

PROCESSES = 8
ACTS = 40
READY = 1       # second until all processes have begun


class Crowd:
    """Who acts on one scrutin, and what is to be done: (verb, arguments)."""

    def __init__(self):
        self.scrutin, self.agents = a_scrutin(), [an_agent(commune=a_commune(code)) for code in ("69123", "75056")]
        self.officers = [an_officer() for _ in range(ACTS)]
        self.tours = list(self.scrutin.tours.order_by(Tour.number))

    def requests_for_one_mandataire(self):
        mandataire = a_mandataire()
        files = [a_procuration(scrutin=self.scrutin, mandataire=mandataire) for _ in range(ACTS)]
        return [("etablir", file, officer) for file, officer in zip(files, self.officers)]

    def acts_of_one_mandant(self):
        mandant = somebody()
        return [("saisir", self.acte(number, mandant=mandant), self.agents[number % 2]) for number in range(ACTS)]

    def acts_of_people_who_choose_one_another(self):
        chance, people = random.Random(73), [somebody(commune=a_commune()) for _ in range(5)]
        pairs = [chance.sample(people, 2) for _ in range(ACTS)]
        actes = [self.acte(number, mandant=mandant, mandataire=mandataire, abroad=not number % 4)
                 for number, (mandant, mandataire) in enumerate(pairs)]
        return [("saisir and annuler" if number % 3 else "saisir", acte, self.agents[number % 2])
                for number, acte in enumerate(actes)]

    def acte(self, number, **columns):
        instant = now() - datetime.timedelta(minutes=1 + number * 17 % ACTS)
        return an_acte(**{"scrutin": self.scrutin, "established_at": instant, **columns})


def do(verb, subject, actor):
    """One act. Whoever comes too late is refused by name; any other failure is a fault."""
    if verb == "etablir":
        return procedure.etablir(Procuration.get_by_id(subject.id), actor)
    file = procedure.saisir(subject, actor)
    if verb == "saisir and annuler":
        try:
            procedure.annuler(Procuration.get_by_id(file.id), actor, "perte_des_droits")
        except Refused:
            pass


def work(settings, tasks, start, faults):
    """What one process does, over a connection of its own."""
    open_database(use(settings).database_url)
    with database.connection_context():
        time.sleep(max(0, start - time.time()))
        for verb, subject, actor in tasks:
            try:
                do(verb, subject, actor)
            except Exception as fault:  # shown by the test
                faults.put(f"{verb}: {fault!r}")


def at_once(settings, tasks):
    """All of `tasks` from PROCESSES processes that begin together. Returns what went wrong."""
    context = multiprocessing.get_context("fork")
    faults, start = context.Queue(), time.time() + READY
    crew = [context.Process(target=work, args=(settings, tasks[number::PROCESSES], start, faults))
            for number in range(PROCESSES)]
    for one in crew:
        one.start()
    for one in crew:
        one.join(60)
    assert [one.exitcode for one in crew] == [0] * PROCESSES
    return [faults.get() for _ in range(faults.qsize())]


def holding(whose):
    """The acts that hold a place, in legal order."""
    return list(Couverture.select(Couverture, Procuration).join(Procuration)
                .where(whose, Couverture.place.is_null(False)).order_by(Procuration.established_at, Procuration.id))


def test_40_officers_for_one_mandataire_and_40_acts_of_one_mandant_at_once_L73(settings):
    with only_here(settings):
        crowd = Crowd()
        requests, acts = crowd.requests_for_one_mandataire(), crowd.acts_of_one_mandant()
        crossing = crowd.acts_of_people_who_choose_one_another()
    assert at_once(settings, [*requests, *acts, *crossing]) == []
    with only_here(settings):
        assert Passage.select().where(Passage.act.in_(("etablir", "saisir"))).count() == 3 * ACTS
        _the_first_holds_all(crowd.tours, requests[0][1].mandataire.key, [file for _, file, _ in requests])
        _the_oldest_holds_all(crowd.tours, [acte for _, acte, _ in acts])
        _are_lawful({acte.mandataire.key for _, acte, _ in crossing})


@contextlib.contextmanager
def only_here(settings):
    """The database open, and no connection left for a process to inherit."""
    with open_database(settings.database_url).connection_context():
        yield
    getattr(database.obj, "close_all", lambda: None)()


def _the_first_holds_all(tours, mandataire, files):
    first = Procuration.select().where(Procuration.id.in_(files)).order_by(Procuration.established_at,
                                                                           Procuration.id).first()
    assert [row.procuration for row in holding(Couverture.mandataire_key == mandataire)] == [first] * len(tours)


def _the_oldest_holds_all(tours, actes):
    instants = [row.procuration.established_at for row in holding(Couverture.mandant_key == actes[0].mandant.key)]
    assert instants == [min(acte.established_at for acte in actes)] * len(tours)


def _are_lawful(mandataires):
    for key, tour in itertools.product(mandataires, {row.tour_id for row in Couverture.select()}):
        held = holding((Couverture.mandataire_key == key) & (Couverture.tour == tour))
        assert len(held) <= 2 and sum(not row.abroad for row in held) <= 1
    assert all(not row.place for row in Couverture.select().where(Couverture.free))
