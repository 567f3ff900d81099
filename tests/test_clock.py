"""What is done without anybody asking: once however many workers, at the hour of each town, and again after a crash."""
import datetime
import itertools
import threading
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask_babel import gettext

from models import UTC, Commune, Job, Mail, Passage, Procuration, Reference, Role, Status, Tour, database, now
from portal import clock, eves, jobs, lapses, outbox, procedure, scrutins
from portal.jobs import Work
from tests.factories import (EMAIL, a_commune, a_mandataire, a_period, a_procuration, a_scrutin, a_voter, an_acte,
                             an_agent, fresh, log_in)
from tests.statements import whole_tables

SECOND = datetime.timedelta(seconds=1)
ZONES = ("Europe/Paris", "America/Guadeloupe", "America/Martinique", "America/Cayenne", "America/Miquelon",
         "America/St_Barthelemy", "America/Marigot", "Indian/Reunion", "Indian/Mayotte", "Pacific/Noumea",
         "Pacific/Tahiti", "Pacific/Wallis")


def at(year, month, day, hour=0, minute=0, second=0, zone="Europe/Paris"):
    """An instant by the clock of a zone."""
    return datetime.datetime(year, month, day, hour, minute, second, tzinfo=ZoneInfo(zone))


def each_town(**columns):
    """A town on each clock of France."""
    return [Commune.create(code=f"9{number:04}", name=f"Ville-{number}", departement="999", zone=zone, **columns)
            for number, zone in enumerate(ZONES)]


def in_turn(files, instant_of):
    """(instant, the files whose it is), the earliest first: some towns share an hour."""
    ordered = sorted(files, key=lambda file: (instant_of(file), file.id))
    return [(instant, list(some)) for instant, some in itertools.groupby(ordered, instant_of)]


def move(file, **columns):
    """What the acts would have written on another day."""
    Procuration.update(**columns).where(Procuration.id == file.id).execute()
    return fresh(file)


def all_due(name):
    """The works of one name until none is due; returns how many rows."""
    clock.bring_forward(name)
    return sum(iter(lambda: clock.run(name=name), 0))


def _period(until, **columns):
    """A request for a period in which nobody votes."""
    return a_period(until, **{"scrutin": a_scrutin(in_days=400), **columns})


def told(name):
    """Keys of the mails of one name, in their order."""
    return [row.key for row in Mail.select().where(Mail.name == name).order_by(Mail.id)]


# --- Jobs -----------------------------------------------------------------------------------------------------------

@pytest.fixture
def counted(db):
    """A work of six rows, two a step: `done` is what was done, by its last cursor."""
    done = []

    def step(job):
        if job.cursor == "6":
            return 0
        job.cursor = str(int(job.cursor or 0) + 2)
        done.append(job.cursor)
        return 2
    works = {"compter": Work(step, jobs.every(hours=1))}
    jobs.plan(works)
    return works, done


def test_a_work_is_done_once_and_again_when_it_is_due(counted):
    works, done = counted
    assert jobs.run(works) == 6 and jobs.run(works) == 0
    assert done == ["2", "4", "6"]
    job = Job.get()
    assert (job.done, job.cursor, job.error) == (6, "", None)
    assert job.due_at == job.ended_at + datetime.timedelta(hours=1)
    with time_machine.travel(job.due_at, tick=False):
        assert jobs.run(works) == 6
    assert Job.get().done == 6


def test_planning_twice_writes_nothing_new(counted):
    works, _ = counted
    jobs.run(works)
    due = Job.get().due_at
    jobs.plan(works)
    assert [job.due_at for job in Job.select()] == [due]


def test_two_workers_do_a_work_once(db):
    """The second comes while the first is in the middle of a step."""
    entered, let_go, done = threading.Event(), threading.Event(), []

    def step(job):
        if job.cursor:
            return 0
        entered.set()
        let_go.wait(10)
        job.cursor = "end"
        done.append(threading.current_thread().name)
        return 1
    works = {"attendre": Work(step, jobs.every(hours=1))}
    jobs.plan(works)
    first = threading.Thread(target=_run_apart, args=(works,), name="first")
    first.start()
    entered.wait(10)
    let_go_soon = threading.Timer(0.2, let_go.set)
    let_go_soon.start()
    assert jobs.run(works) == 0
    first.join()
    assert done == ["first"]


def _run_apart(works):
    with database.connection_context():
        jobs.run(works)


def test_a_worker_killed_in_the_middle_is_taken_up_where_its_last_step_ended(counted):
    works, done = counted
    plain = works["compter"].step

    class Killed(BaseException):
        """What no `except Exception` sees: the process is gone, its lease stays."""

    def dies(job):
        result = plain(job)
        if job.cursor == "4":
            raise Killed()
        return result
    with pytest.raises(Killed):
        jobs.run({"compter": works["compter"]._replace(step=dies)})
    assert Job.get().cursor == "2" and jobs.run(works) == 0, "another worker waits for the lease"
    with time_machine.travel(Job.get().lease_until + SECOND, tick=False):
        assert jobs.run(works) == 4
    assert done == ["2", "4", "4", "6"] and Job.get().done == 6


def test_who_lost_the_lease_writes_nothing(db):
    works = {"lent": Work(None, jobs.every(hours=1))}
    jobs.plan(works)

    def step(job):
        Commune.create(code="01001", name="Témoin", departement="01")
        Job.update(lease_until=now() + datetime.timedelta(minutes=9)).execute()   # another worker's
        return 1
    jobs.run({"lent": works["lent"]._replace(step=step)})
    assert not Commune.select().exists()


def test_a_failure_is_said_by_its_kind_only_and_put_off(counted):
    works, done = counted

    def fails(job):
        raise ValueError("Camille Durand")
    with pytest.raises(ValueError):
        jobs.run({"compter": works["compter"]._replace(step=fails)})
    job = Job.get()
    assert job.error == "ValueError" and job.due_at > now() and job.lease_until is None
    with time_machine.travel(job.due_at, tick=False):
        jobs.run(works)
    assert Job.get().error is None and done == ["2", "4", "6"]


def test_a_clock_set_back_an_hour_does_nothing_twice(db):
    file = _overdue()
    later = now() + datetime.timedelta(days=100)
    with time_machine.travel(later, tick=False):
        assert all_due("perimer")
    with time_machine.travel(later - datetime.timedelta(hours=1), tick=False):
        assert clock.run(name="perimer") == 0, "due an hour later than planned, not at once"
        assert all_due("perimer") == 1, "it ended, with nothing to do"
    with time_machine.travel(later + datetime.timedelta(minutes=6), tick=False):
        all_due("perimer")
    assert told("caduque") == [f"perimer:{file.id}:1:mandant"]


def test_a_long_job_lets_the_others_go_first(db, monkeypatch):
    monkeypatch.setattr(jobs, "TURN", 0)
    turns = []
    works = {name: Work(lambda job: turns.append(job.name) or turns.count(job.name) < 3, jobs.every(hours=1))
             for name in ("a", "b")}
    jobs.plan(works)
    while jobs.run(works):
        pass
    assert turns == ["a", "b"] * 3


@pytest.mark.parametrize("ended, due", [
    (at(2027, 3, 27, 23), at(2027, 3, 28, 4)),          # the night that clocks are put forward
    (at(2027, 10, 31, 1), at(2027, 10, 31, 4)),         # the night that they are put back
    (at(2027, 1, 5, 4), at(2027, 1, 6, 4)),
])
def test_work_of_the_night_is_due_once_a_night(ended, due):
    assert jobs.at_night(ended.astimezone(UTC)) == due


# --- Lapse ----------------------------------------------------------------------------------------------------------

def _overdue(**columns):
    return a_procuration(demande=_period(now().date() + datetime.timedelta(days=300)), **columns)


def test_a_request_lapses_with_the_last_second_of_its_town_not_before_arrete_2021(db):
    last_day, scrutin, ended = now().date() + datetime.timedelta(days=20), a_scrutin(in_days=400), []
    files = [a_procuration(demande=_period(last_day, scrutin=scrutin, commune=commune)) for commune in each_town()]
    for midnight, some in in_turn(files, lambda file: datetime.datetime.combine(
            last_day + datetime.timedelta(days=1), datetime.time(), ZoneInfo(file.commune.zone))):
        for instant, over in ((midnight - SECOND, []), (midnight + SECOND, some)):
            with time_machine.travel(instant, tick=False):
                all_due("perimer")
            ended += over
            assert set(Procuration.select().where(Procuration.status == Status.CADUQUE)) == set(ended)
    assert told("caduque") == [f"perimer:{file.id}:1:mandant" for file in ended] and len(ended) == len(ZONES)


@pytest.mark.parametrize("filed, lapses", [
    (at(2027, 1, 28, 12), at(2027, 3, 28, 13)),         # an hour more on the clock: 2 months of the calendar in UTC
    (at(2026, 12, 31, 12), at(2027, 2, 28, 12)),        # no 31 February
    (at(2027, 8, 31, 12), at(2027, 10, 31, 11)),
])
def test_two_calendar_months_not_61_days_arrete_2021(db, filed, lapses):
    with time_machine.travel(filed, tick=False):
        file = a_procuration(demande=_period(datetime.date(2027, 12, 1)))
    assert file.lapses_at == lapses.astimezone(UTC)
    with time_machine.travel(lapses - SECOND, tick=False):
        all_due("perimer")
        assert fresh(file).status == Status.DEPOSEE
    with time_machine.travel(lapses + SECOND, tick=False):
        all_due("perimer")
        assert fresh(file).status == Status.CADUQUE


def test_a_request_established_in_time_never_lapses(db):
    file = a_procuration(Status.ETABLIE)
    with time_machine.travel(now() + datetime.timedelta(days=90), tick=False):
        all_due("perimer")
    assert fresh(file).status == Status.ETABLIE


def test_more_requests_than_a_batch_lapse_once_each(db, monkeypatch):
    monkeypatch.setattr(lapses, "BATCH", 2)
    files = [_overdue() for _ in range(5)]
    with time_machine.travel(now() + datetime.timedelta(days=100), tick=False):
        threads = [threading.Thread(target=_run_apart, args=(clock.WORKS,)) for _ in range(2)]
        jobs.plan(clock.WORKS)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        all_due("perimer")
    assert sorted(told("caduque")) == sorted(f"perimer:{file.id}:1:mandant" for file in files)
    assert Passage.select().where(Passage.act == "perimer").count() == 5


# --- Warnings -------------------------------------------------------------------------------------------------------

def _asks(scrutin=None, filed_days_ago=40, **columns):
    """A request filed long ago, so that nothing was told it lately."""
    file = a_procuration(scrutin=scrutin or a_scrutin(in_days=30), **columns)
    return move(file, filed_at=now() - datetime.timedelta(days=filed_days_ago))


def _warned_on(file, instant):
    with time_machine.travel(instant, tick=False):
        all_due("avertir")
    return told("avertissement")


def _eight(day, commune):
    return scrutins.hour_of(day, 8, commune)


@pytest.mark.parametrize("days", [14, 3])
def test_a_mandant_is_warned_at_eight_in_the_morning_of_the_town(db, days):
    last_day, scrutin = now().date() + datetime.timedelta(days=40), a_scrutin(in_days=400)
    files = [move(a_procuration(demande=_period(last_day, scrutin=scrutin, commune=commune)),
                  filed_at=now() - datetime.timedelta(days=9)) for commune in each_town()]
    warned = []
    for eight, some in in_turn(files, lambda file: _eight(last_day - datetime.timedelta(days=days), file.commune)):
        assert _warned_on(None, eight - SECOND) == warned
        warned += [f"avertissement:{file.id}:delai-{days}:mandant" for file in some]
        assert _warned_on(None, eight + SECOND) == warned
    assert len(warned) == len(ZONES) and _warned_on(None, eight + datetime.timedelta(hours=30)) == warned, "once"


def test_each_poll_is_announced_three_days_before_and_never_with_another_warning(db):
    """Tours a week apart: the request lapses with the second, so that its poll and its end are told as one."""
    file = _asks(a_scrutin(in_days=30))
    first, second = [tour.day for tour in file.scrutin.tours.order_by(Tour.number)]
    said = {}
    for number in range(-1, 40):
        day = now().date() + datetime.timedelta(days=number)
        before = len(told("avertissement"))
        for key in _warned_on(file, _eight(day, file.commune) + SECOND)[before:]:
            said[day] = key.split(":")[2]
    tours = [f"tour-{tour.id}" for tour in file.scrutin.tours.order_by(Tour.number)]
    three = datetime.timedelta(days=3)
    assert said == {second - datetime.timedelta(days=14): "delai-14", first - three: tours[0], second - three: tours[1]}


@pytest.mark.parametrize("filed_days_ago, warned", [(0, 0), (30, 1)])
def test_who_has_just_filed_is_not_warned(db, filed_days_ago, warned):
    file = _asks(a_scrutin(in_days=2), filed_days_ago=filed_days_ago)
    assert len(_warned_on(file, now())) == warned


def test_a_warning_that_could_not_leave_for_days_is_left_out(db):
    file = _asks(a_scrutin(in_days=30, two_tours=False))
    last_day = file.valid_until
    assert _warned_on(file, _eight(last_day - datetime.timedelta(days=10), file.commune)) == []
    assert _warned_on(file, _eight(last_day - datetime.timedelta(days=11), file.commune) - SECOND) == [
        f"avertissement:{file.id}:delai-14:mandant"]


@pytest.mark.parametrize("status", [Status.ETABLIE, Status.RETIREE])
def test_who_needs_no_visit_any_more_is_not_warned(db, status):
    move(a_procuration(status, scrutin=a_scrutin(in_days=2)), filed_at=now() - datetime.timedelta(days=30))
    assert _warned_on(None, now()) == []


def test_an_address_that_is_not_confirmed_is_not_warned_but_is_as_soon_as_it_is(db):
    file = _asks(a_scrutin(in_days=2), voter=a_voter(email=EMAIL))
    file = move(file, email_confirmed_at=None)
    assert _warned_on(file, now()) == []
    move(file, email_confirmed_at=now())
    assert len(_warned_on(file, now())) == 1


def test_a_period_is_warned_of_the_polls_of_its_commune_only(db):
    a_scrutin(in_days=2, two_tours=False, territory="75")
    file = move(a_procuration(demande=_period(now().date() + datetime.timedelta(days=90))),
                filed_at=now() - datetime.timedelta(days=9), lapses_at=now() + datetime.timedelta(days=50))
    assert _warned_on(file, now()) == []
    scrutin = a_scrutin(in_days=2, two_tours=False)
    assert _warned_on(file, now()) == [f"avertissement:{file.id}:tour-{scrutin.tours.get().id}:mandant"]


def test_a_warning_gives_the_reference_the_day_and_what_to_do(db):
    file = _asks(a_scrutin(in_days=2))
    _warned_on(file, now())
    row = Mail.get(Mail.name == "avertissement")
    rendered = outbox.render(row.name, row.context)
    for version in (rendered.text, rendered.html):
        assert Reference.get().shown in version and "commissariat" in version and "On vote le" in version


# --- The eve --------------------------------------------------------------------------------------------------------

def _undecided(in_days=5, status=Status.ETABLIE, **columns):
    """An act of the day before yesterday that its town hall has not decided."""
    file = a_procuration(status, scrutin=a_scrutin(in_days=in_days, two_tours=False), **columns)
    return move(file, established_at=now() - datetime.timedelta(days=2))


def _on(instant):
    with time_machine.travel(instant, tick=False):
        all_due("veille")
    return told("veille"), told("a_decider")


def _told_by(instant):
    return tuple(map(set, _on(instant)))


def test_on_the_eve_at_eight_in_the_morning_the_mandant_is_told_to_call_and_the_town_hall_is_alerted(db):
    towns, scrutin = each_town(email="mairie@exemple.fr"), a_scrutin(in_days=5, two_tours=False)
    files = [move(a_procuration(Status.ETABLIE, scrutin=scrutin, commune=commune),
                  established_at=now() - datetime.timedelta(days=2)) for commune in towns]
    poll, tour, called, alerted = files[0].valid_until, eves.name_of(scrutin.tours.get()), set(), set()
    for eight, some in in_turn(files, lambda file: _eight(poll - datetime.timedelta(days=1), file.commune)):
        assert _told_by(eight - SECOND) == (called, alerted)
        called |= {f"veille:{file.id}:{tour}:mandant" for file in some}
        alerted |= {f"a_decider:{file.commune_id}:{tour}:mairie" for file in some}
        assert _told_by(eight + SECOND) == (called, alerted)
    assert len(alerted) == len(ZONES) and _told_by(_eight(poll, towns[0])) == (called, alerted), "once"


@pytest.mark.parametrize("status", [Status.VALIDEE, Status.INVALIDEE, Status.DEPOSEE])
def test_what_is_decided_needs_no_call(db, status):
    file = a_procuration(status, scrutin=a_scrutin(in_days=1, two_tours=False))
    if file.established_at:
        move(file, established_at=now() - datetime.timedelta(days=2))
    assert _on(now() + datetime.timedelta(hours=20)) == ([], [])


def test_who_was_told_yes_and_lost_the_place_to_an_older_act_is_told_on_the_eve_L73(db):
    """The act is void by law, and its town hall has not said so yet."""
    agent = an_agent()
    Commune.update(email="mairie@exemple.fr").execute()
    file = _undecided(status=Status.VALIDEE, agent=agent)
    named = a_mandataire(birth_name=file.mandataire.birth_name, first_names=file.mandataire.first_names)
    older = an_acte(file.scrutin, mandataire=named, established_at=now() - datetime.timedelta(days=3))
    procedure.valider(procedure.saisir(older, agent), agent)
    eight = _eight(file.valid_until - datetime.timedelta(days=1), file.commune)
    assert [len(said) for said in _on(eight)] == [1, 1]
    row = Mail.get(Mail.name == "veille")
    assert row.procuration == file
    rendered = outbox.render(row.name, row.context)
    for version in (rendered.text, rendered.html):
        assert "une procuration plus ancienne a pris sa place" in " ".join(version.split())
        assert "n’a pas encore validé" not in version
    procedure.annuler(fresh(file), agent, "acte_anterieur_recu")
    assert Mail.select().where(Mail.name == "annulee").exists()


def test_after_the_close_of_the_poll_nobody_is_told_to_call(db):
    file = _undecided()
    assert _on(scrutins.hour_of(file.valid_until, 18, file.commune)) == ([], [])
    assert _on(scrutins.hour_of(file.valid_until, 18, file.commune) - SECOND)[0]


def test_where_the_poll_is_on_saturday_the_eve_is_friday(db):
    file = _undecided(in_days=5, commune=a_commune("97209"))
    tour = file.scrutin.tours.get()
    tour.days.model.create(tour=tour, territory="972", day=tour.day - datetime.timedelta(days=1))
    eight = _eight(tour.day - datetime.timedelta(days=2), file.commune)
    assert _on(eight - SECOND) == ([], []) and len(_on(eight)[0]) == 1


def test_an_act_of_this_very_hour_waits_an_hour_for_its_decision(db):
    file = _undecided(in_days=1)
    noon = scrutins.hour_of(file.valid_until - datetime.timedelta(days=1), 12, file.commune)
    move(file, established_at=noon)
    assert _on(noon + datetime.timedelta(hours=1) - SECOND)[0] == []
    assert len(_on(noon + datetime.timedelta(hours=1))[0]) == 1


def test_a_town_hall_is_told_how_many_and_where_nobody_waits_nothing(db, monkeypatch):
    monkeypatch.setattr(eves, "FILES", 1)
    for code in ("75056", "69123"):
        a_commune(code)
    Commune.update(email="mairie@exemple.fr").execute()
    scrutin = a_scrutin(in_days=1, two_tours=False)
    for _ in range(3):
        move(a_procuration(Status.ETABLIE, scrutin=scrutin), established_at=now() - datetime.timedelta(days=2))
    voted, alerted = _on(_eight(scrutin.tours.get().day, a_commune()))
    assert len(voted) == 3 and alerted == [f"a_decider:69123:{eves.name_of(scrutin.tours.get())}:mairie"]
    row = Mail.get(Mail.name == "a_decider")
    assert row.context["count"] == 3 and row.recipient == "mairie@exemple.fr"
    assert "3 procurations attendent" in outbox.render(row.name, row.context).text


def test_a_tour_that_has_the_number_of_an_erased_one_is_told_of_on_its_own_eve(db):
    """SQLite gives the numbers of erased rows again, and the mails of the eve are kept a month."""
    file = _undecided(in_days=2)
    Commune.update(email="mairie@exemple.fr").execute()
    tour = file.scrutin.tours.get()
    for days in (1, 8):
        Tour.update(day=now().date() + datetime.timedelta(days=days + 1)).where(Tour.id == tour.id).execute()
        move(file, valid_until=now().date() + datetime.timedelta(days=days + 1))
        said = _on(_eight(now().date() + datetime.timedelta(days=days), file.commune))
    assert [len(told) for told in said] == [2, 2]


def test_the_mail_of_the_eve_names_the_day_of_the_act_and_of_the_vote(db):
    file = _undecided(in_days=1)
    _on(_eight(file.valid_until, file.commune))
    context = Mail.get(Mail.name == "veille").context
    assert context["vote"] == file.valid_until.isoformat()
    assert context["day"] == scrutins.local_day(file.established_at, file.commune).isoformat()


# --- Millions of rows -----------------------------------------------------------------------------------------------

SMALL = {"job", "commune", "scrutin", "tour", "tour_day", "rules", "journal_month", "roll", "roll_file", "roll_part",
         "agent_file", "mairie_link"}


@pytest.mark.parametrize("name", [name for name, work in clock.WORKS.items() if work.again])
def test_each_work_reads_ranges_of_an_index(db, name):
    _asks(a_scrutin(in_days=2))
    _undecided(in_days=1)
    overdue = _overdue()
    move(overdue, lapses_at=now() - SECOND)
    with whole_tables() as read:
        all_due(name)
    assert set(read) <= SMALL


def test_a_table_that_is_read_whole_is_seen(db):
    a_procuration()
    with whole_tables() as read:
        list(Procuration.select().where(Procuration.authority == "x"))
    assert read == ["procuration"]


# --- What the ministry reads of it ----------------------------------------------------------------------------------

def test_a_task_that_fails_or_that_nobody_takes_up_is_seen_by_the_ministry(app, client):
    log_in(client, agent=an_agent(Role.MINISTRY))
    hour = datetime.timedelta(hours=1)
    Job.create(name="veille", due_at=now() + hour)
    Job.create(name="couvrir", subject="7", ended_at=now())
    assert list(jobs.troubled(now())) == []
    Job.create(name="revoir", subject="69123", due_at=now(), error="OperationalError")
    Job.create(name="dossiers", due_at=now() - hour)
    Job.create(name="journal", due_at=now() - hour, lease_until=now() + hour)
    assert {job.name for job in jobs.troubled(now())} == {"revoir", "dossiers"}
    states = {job.name: jobs.state_of(job, now()) for job in Job.select()}
    assert states == {"veille": "planned", "couvrir": "ended", "revoir": "failed", "dossiers": "late",
                      "journal": "under_way"}
    page = client.get("/admin/travaux/").text
    assert "En échec" in page and "En retard" in page and "Effacer les vieilles procurations" in page
    assert ">2<" in client.get("/admin/").text.split("Tâches en peine")[1].split("</li>")[0]


def test_each_work_has_a_name_that_people_read(app):
    assert not [name for name in clock.WORKS if gettext(f"job.{name}") == f"job.{name}"]
