"""What the usual checks lead to: kept with the file, made again, decided by the clock where the rules say so."""
import datetime
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from models import Couverture, Elector, Job, Mail, Passage, Procuration, Roll, Rules, database, now
from portal import clock, decisions, jobs, procedure, rolls, verdicts
from portal.checks import KO, OK, TO_VERIFY
from tests.factories import (a_commune, a_demande, a_mandataire, a_procuration, a_scrutin, a_voter, an_agent,
                             an_officer, fresh)
from tests.judge import judged
from tests.statements import count_statements

QUARTER = datetime.timedelta(minutes=16)


def a_roll(*people, commune=None, kind="LP", **columns):
    """The current roll of a commune, with the people of a file on it (by their names and birth date)."""
    columns = {"fingerprint": "0" * 64, "state": "current", "current_since": now(), **columns}
    roll = Roll.create(commune=commune or a_commune(), kind=kind, lines=len(people), **columns)
    for person in people:
        on_the_roll(roll, person)
    return roll


def on_the_roll(roll, person, **columns):
    return Elector.create(**{
        "roll": roll, "birth_name": person.birth_name.upper(), "first_names": person.first_names, "sex": person.sex,
        "birth_date": person.birth_date, "key": rolls.key_of(person.birth_name, person.first_names),
        "station": "0012", "station_label": "École Ferry", **columns})


def automatic(scrutin=None, **columns):
    """The rules let the clock decide."""
    return Rules.create(scrutin=scrutin, **{"mode": "automatic", **columns})


def of(file, check):
    """(verdict, why) of a check as it was kept."""
    found = next(one for one in verdicts.kept(fresh(file)) if one.check == check)
    return found.verdict, found.evidence.get("why")


def the_clock_works(name="decider"):
    jobs.plan(clock.WORKS)
    Job.update(due_at=now()).where(Job.name == name).execute()
    while clock.run(name=name):
        if not Job.select().where(Job.name == name, Job.due_at <= now()).exists():
            break


def a_quarter_later(file):
    """The officer may undo the act no more."""
    Procuration.update(review_at=Procuration.review_at).where(Procuration.id == file.id).execute()
    due = fresh(file).review_at
    if due:
        Procuration.update(review_at=due - QUARTER).where(Procuration.id == file.id).execute()


# --- Kept -----------------------------------------------------------------------------------------------------------

def test_without_a_roll_an_established_file_is_to_be_verified_L72(db):
    file = a_procuration("etablie")
    assert file.verdict == TO_VERIFY and file.review_at is None
    assert of(file, "mandant_listed") == of(file, "mandataire_listed") == (TO_VERIFY, "no_roll")
    assert of(file, "place") == (OK, None)


def test_both_on_the_roll_every_check_is_favourable_and_the_station_is_known_L72(db):
    mandataire, voter = a_mandataire(), a_voter()
    a_roll(voter, mandataire)
    file = a_procuration("etablie", voter=voter, mandataire=mandataire)
    assert file.verdict == OK
    assert file.mandant.station == "0012, École Ferry"


def test_an_act_that_is_undone_was_not_checked(db):
    officer = an_officer()
    file = a_procuration("etablie", officer=officer)
    procedure.defaire(file, officer, "erreur_de_saisie")
    assert (fresh(file).verdict, fresh(file).verdicts) == (None, None)


@pytest.mark.parametrize("columns, why", [({"left_out": 3}, "not_found"),
                                          ({"current_since": now() - datetime.timedelta(days=31)}, "not_found")])
def test_a_roll_that_is_old_or_incomplete_proves_no_absence_L72(db, columns, why):
    a_roll(**columns)
    assert of(a_procuration("etablie"), "mandant_listed") == (TO_VERIFY, why)


def test_two_electors_of_the_same_name_and_date_are_nobody_for_sure_L72(db):
    voter = a_voter()
    a_roll(voter, voter)
    assert of(a_procuration("etablie", voter=voter), "mandant_listed") == (TO_VERIFY, "several")


def test_a_mandataire_known_by_number_alone_is_sought_on_every_roll_L72(db):
    someone = a_mandataire(commune=None, nne="123456789")
    roll = a_roll(commune=a_commune("75056"))
    on_the_roll(roll, someone, nne="123456789")
    assert of(a_procuration("etablie", mandataire=someone), "mandataire_listed") == (OK, "found")
    other = a_mandataire(commune=None, nne="987654321")
    assert of(a_procuration("etablie", mandataire=other), "mandataire_listed") == (TO_VERIFY, "not_found")


def test_the_mandataire_is_sought_in_the_mandant_s_commune_in_2021_L72(db):
    scrutin = a_scrutin()
    Rules.create(scrutin=scrutin, same_commune=True)
    someone = a_mandataire(commune=a_commune("75056"))
    file = a_procuration("etablie", demande=a_demande(scrutin, mandataire=someone))
    assert of(file, "same_commune") == (KO, None)


def test_a_tie_of_a_day_with_an_act_without_hour_is_to_be_verified_L73(db):
    first = a_procuration("etablie")
    Procuration.update(timed=False).where(Procuration.id == first.id).execute()
    someone = first.mandataire
    demande = a_demande(first.scrutin, mandataire=a_mandataire(
        birth_name=someone.birth_name, first_names=someone.first_names, birth_date=someone.birth_date))
    second = a_procuration("etablie", demande=demande)
    assert not Couverture.select().where(Couverture.procuration == second, Couverture.place.is_null(False)).exists()
    assert of(second, "place") == (TO_VERIFY, "tied")


# --- The clock decides ----------------------------------------------------------------------------------------------

@pytest.fixture
def sure(db):
    """A file on which every check is favourable, where the clock decides."""
    automatic()
    mandataire, voter = a_mandataire(), a_voter()
    a_roll(voter, mandataire)
    return a_procuration("etablie", voter=voter, mandataire=mandataire, email=voter.email)


def test_what_is_certain_is_validated_once_the_officer_can_undo_it_no_more(sure):
    the_clock_works()
    assert fresh(sure).status == "etablie"
    a_quarter_later(sure)
    the_clock_works()
    file = fresh(sure)
    assert (file.status, file.review_at, file.passages[-1].role) == ("validee", None, "clock")
    mail = Mail.get(Mail.procuration == file, Mail.name == "validee").context
    assert mail["automatic"] and mail["station"] == "0012, École Ferry"


def test_what_the_roll_denies_is_invalidated_for_that_reason_L72(db):
    automatic()
    a_roll(a_procuration("etablie").mandant)
    file = a_procuration("etablie")
    a_quarter_later(file)
    the_clock_works()
    assert (fresh(file).status, fresh(file).passages[-1].reason) == ("invalidee", "mandant_non_inscrit")


def test_a_roll_that_knows_few_of_its_own_voters_decides_nothing_L72(db):
    """A trial, a part, a false one: everything that waits would be invalidated at once."""
    automatic()
    files = [a_procuration("etablie") for _ in range(3)]
    a_roll(files[0].mandant)
    review_all(a_commune())
    the_clock_works()
    assert [fresh(file).status for file in files] == ["etablie"] * 3
    assert of(files[1], "mandant_listed") == (KO, "none")
    on_the_roll(Roll.get(), files[1].mandant)
    review_all(a_commune())
    the_clock_works()
    assert [fresh(file).status for file in files] == ["invalidee"] * 3     # their mandataires are not on it either


@pytest.mark.parametrize("known, status", [(False, "etablie"), (True, "invalidee")])
def test_a_false_roll_of_one_commune_decides_nothing_elsewhere_L72(db, known, status):
    automatic()
    voter, paris = a_voter(), a_commune("75056")
    neighbour = a_procuration("etablie", commune=paris)
    a_roll(voter), a_roll(*[neighbour.mandant] * known, commune=paris)
    file = a_procuration("etablie", voter=voter, mandataire=a_mandataire(commune=paris))
    a_quarter_later(file)
    the_clock_works()
    assert fresh(file).status == status


def test_two_statements_tell_whether_a_roll_knows_its_voters(db):
    files = [a_procuration("etablie") for _ in range(3)]
    a_procuration()
    a_roll(files[0].mandant), a_roll(files[1].mandant, kind="LCE")
    with count_statements() as statements:
        assert rolls.acquaintance(files[0].commune_id) == (2, 3)
    assert len(statements) == 2
    assert rolls.acquaintance("75056") == (0, 0) and not rolls.acquaintance("75056").is_good


def test_a_mandataire_without_a_place_is_invalidated_by_the_clock_L73(sure):
    other = a_voter()
    on_the_roll(Roll.get(), other)
    named = sure.mandataire
    someone = a_mandataire(birth_name=named.birth_name, first_names=named.first_names, birth_date=named.birth_date)
    late = a_procuration("etablie", voter=other, demande=a_demande(sure.scrutin, mandataire=someone))
    a_quarter_later(late)
    the_clock_works()
    assert (fresh(late).status, fresh(late).passages[-1].reason) == ("invalidee", "plafond_atteint")


@pytest.mark.parametrize("otherwise", [{"first_names": "Sacha"}, {"birth_name": "Legrand"},
                                       {"birth_date": "1975-11-00"}, {"birth_date": "1975-00-00"}])
def test_a_mandataire_named_in_two_ways_has_no_more_places_without_the_commune_L73(db, otherwise):
    automatic()
    first, second, named = a_voter(), a_voter(), a_mandataire(first_names="Sacha Paul", nne="123456789")
    on_the_roll(a_roll(first, second), named, nne=named.nne, used_name="LEGRAND",
                used_key=rolls.key_of("Legrand", named.first_names))
    files = [a_procuration("etablie", voter=voter, mandataire=mandataire) for voter, mandataire in (
        (first, named), (second, replace(named, **otherwise)))]
    for file in files:
        a_quarter_later(file)
    the_clock_works()
    assert [fresh(file).status for file in files] == ["validee", "etablie"]
    assert of(files[1], "mandataire_listed") == ("to_verify", "near")


def test_what_is_open_stays_with_the_commune(db):
    automatic()
    file = a_procuration("etablie")
    a_quarter_later(file)
    the_clock_works()
    assert (fresh(file).status, fresh(file).review_at) == ("etablie", None)


@pytest.mark.parametrize("mode", ["commune", "assisted"])
def test_the_clock_decides_nothing_where_the_commune_does(db, mode):
    automatic(mode=mode)
    a_roll()
    file = a_procuration("etablie")
    assert file.review_at is None and file.verdict == KO


def test_of_two_polls_the_rules_that_leave_most_to_the_commune_count(sure):
    facts = verdicts.facts_of(fresh(sure))
    assert verdicts.mode(facts) == "automatic"
    other = facts.tours[0]._replace(rules=Rules(mode="assisted"))
    assert verdicts.mode(replace(facts, tours=[*facts.tours, other])) == "assisted"


def test_what_the_commune_reopened_is_never_decided_by_the_clock_again(sure):
    a_quarter_later(sure)
    the_clock_works()
    procedure.reprendre(fresh(sure), an_agent(commune=sure.commune))
    assert fresh(sure).review_at is None
    verdicts.again(sure.id)
    the_clock_works()
    assert (fresh(sure).status, fresh(sure).review_at) == ("etablie", None)


def test_a_commune_that_was_faster_keeps_its_decision(sure):
    a_quarter_later(sure)
    procedure.invalider(fresh(sure), an_agent(commune=sure.commune), "autre", "voir la mairie")
    the_clock_works()
    assert (fresh(sure).status, fresh(sure).review_at) == ("invalidee", None)
    assert not Passage.select().where(Passage.procuration == sure, Passage.role == "clock").exists()


def test_a_mandataire_who_declined_is_for_the_commune(sure):
    Procuration.update(declined_at=now()).where(Procuration.id == sure.id).execute()
    a_quarter_later(sure)
    the_clock_works()
    assert fresh(sure).status == "etablie"


# --- Another roll, another place ------------------------------------------------------------------------------------

def review_all(commune):
    jobs.later("revoir", commune.code)
    the_clock_works("revoir")


def test_a_new_roll_is_heard_by_every_file_that_stands_and_told_where_it_speaks_against_a_decision_L72(db):
    voter, mandataire, stranger = a_voter(), a_mandataire(), a_mandataire(commune=a_commune("75056"))
    waiting = a_procuration("etablie", voter=voter, mandataire=mandataire)
    refused = a_procuration("invalidee", voter=a_voter(), mandataire=mandataire)
    decided = a_procuration("validee")
    elsewhere = a_procuration("etablie", mandataire=a_mandataire(), commune=a_commune("75056"))
    over = a_procuration("etablie")
    Procuration.update(valid_until=now().date() - datetime.timedelta(days=3)).where(Procuration.id == over.id).execute()
    a_roll(voter, mandataire, refused.voter)
    review_all(a_commune())
    assert [fresh(file).verdict for file in (waiting, decided)] == [OK, KO]
    assert of(elsewhere, "mandataire_listed") == (KO, "none")
    assert of(over, "mandant_listed") == (TO_VERIFY, "no_roll")
    assert [fresh(file).attention for file in (waiting, decided, refused)] == [None, "liste_changee", "liste_changee"]
    assert [fresh(file).status for file in (waiting, decided, refused)] == ["etablie", "validee", "invalidee"]
    assert stranger.commune.code == "75056"


def test_a_job_killed_in_the_middle_goes_on_where_it_was(db):
    files = [a_procuration("etablie") for _ in range(3)]
    a_roll()
    jobs.later("revoir", "69123")
    job = jobs.of("revoir", "69123")
    with db.atomic():
        assert decisions.follow(job) == 1
    assert [of(file, "mandant_listed")[0] for file in files] == [KO, TO_VERIFY, TO_VERIFY]
    with db.atomic():
        assert decisions.follow(job) == 1
    assert [of(file, "mandant_listed")[0] for file in files] == [KO, KO, TO_VERIFY]


def test_a_place_that_is_free_again_is_seen_by_the_checks_L73(db):
    first = a_procuration("etablie")
    named = first.mandataire
    someone = a_mandataire(birth_name=named.birth_name, first_names=named.first_names, birth_date=named.birth_date)
    second = a_procuration("etablie", demande=a_demande(first.scrutin, mandataire=someone))
    assert of(second, "place") == (KO, None)
    procedure.annuler(fresh(first), an_agent(commune=first.commune), "perte_des_droits")
    the_clock_works()
    assert of(second, "place") == (TO_VERIFY, "free")


# --- At filing ------------------------------------------------------------------------------------------------------

def test_the_voter_is_told_what_is_certain_and_nothing_else(db):
    voter, someone, tours = a_voter(), a_mandataire(), list(a_scrutin().tours)
    assert verdicts.found(voter, a_commune(), someone, tours) == (False, False)
    a_roll(voter, someone)
    assert verdicts.found(voter, a_commune(), someone, tours) == (True, True)
    assert verdicts.found(voter, a_commune(), replace(someone, first_names="Sasha"), tours) == (True, False)


def test_nobody_searches_the_rolls_by_naming_people_all_day_long(db):
    voter, tours = a_voter(), list(a_scrutin().tours)
    named = [a_mandataire() for _ in range(verdicts.TRIES + 1)]
    answers = [verdicts.found(voter, a_commune(), someone, tours) for someone in named]
    assert answers[:-1] == [(False, False)] * verdicts.TRIES and answers[-1] is None
    assert verdicts.found(voter, a_commune(), named[0], tours) == (False, False)      # seen already: no try
    assert verdicts.found(a_voter(), a_commune(), named[-1], tours) == (False, False)


def test_nobody_tries_the_numbers_of_a_person_one_by_one(db):
    voter, someone, tours = a_voter(), a_mandataire(), list(a_scrutin().tours)
    numbers = [str(10_000_000 + number) for number in range(verdicts.TRIES + 1)]
    answers = [verdicts.found(voter, a_commune(), replace(someone, nne=number), tours) for number in numbers]
    assert answers[-1] is None and None not in answers[:-1]


def test_tries_made_at_once_are_counted_one_by_one(db):
    voter, commune, tours, someone = a_voter(), a_commune(), list(a_scrutin().tours), a_mandataire()
    together = threading.Barrier(verdicts.TRIES + 5)

    def tries(number):
        with database.connection_context():
            together.wait(20)
            return verdicts.found(voter, commune, replace(someone, first_names="Sacha" + number * "a"), tours)
    with ThreadPoolExecutor(together.parties) as threads:
        answers = list(threads.map(tries, range(together.parties)))
    assert answers.count(None) == 5


# --- A slow, obvious judge ------------------------------------------------------------------------------------------

def test_the_verdicts_of_the_rolls_are_those_of_the_slow_judge_L72(db):
    judged(requests=60, lines=400)


@pytest.mark.long
def test_a_thousand_requests_against_a_large_roll_get_the_verdicts_of_the_slow_judge_L72(db):
    judged(requests=1000, lines=100_000)
