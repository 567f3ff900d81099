"""The ministry's files: accounts of officers and first managers, addresses of mairies; read, shown, then written."""
import datetime
import io
import tracemalloc

import pytest

from benchmarks import agents as sample
from models import Agent, AgentFile, AgentLine, AgentPart, Commune, Event, Job, Mail, Role, WebSession, database, now
from portal import accounts, agent_files, agent_import, clock, jobs, outbox
from portal.agent_files import AgentFileUnusable
from portal.agent_import import AgentFileReplaced, AgentFileUnderWay
from portal.procedure import CLOCK
from tests.engines import ONE_ENGINE
from tests.factories import a_commune, an_agent, an_officer, log_in
from tests.statements import count_statements
from tests.test_back_office import Desk

HEADERS = ("courriel;prénom;nom;rôle;qualité;unité;lieu;date de naissance;SIRET;habilité du;habilité jusqu’au;commune;"
           "délégation du;délégation jusqu’au")
OFFICER = ("opj@interieur.example;Camille;DURAND;officier;brigadier-chef, APJ;Commissariat;Lyon;17/05/1985;;;31/12/2090"
           ";;;")
MANAGER = "maire@lyon.example;Sacha;PETIT;gestionnaire;maire;;;;;;;69123;01/04/2026;31/03/2092"


def a_file(*lines, headers=HEADERS, encoding="utf-8", end="\r\n"):
    return io.BytesIO((end.join((headers, *lines)) + end).encode(encoding))


def read(stream, agent=None):
    return agent_import.follow(agent_import.receive(agent, stream))


def take_in(*lines, invite=False, **columns):
    file = read(a_file(*lines, **columns))
    agent_import.confirm(file, invite=invite)
    return agent_import.follow(file)


def outcomes(file):
    return [line.outcome if line.outcome != "refused" else f"{line.cell} {line.fault}" for line in
            AgentLine.select().where(AgentLine.file == file).order_by(AgentLine.line)]


def line(template=OFFICER, **cells):
    order = ["email", "first_name", "last_name", "role", "quality", "unit", "place", "birth_date", "siret",
             "habilitated_from", "habilitated_until", "commune", "delegated_from", "delegated_until"]
    assert set(cells) <= set(order)
    return ";".join(cells.get(name, cell) for name, cell in zip(order, template.split(";")))


# --- What a line says -----------------------------------------------------------------------------------------------

def test_officers_and_first_managers_come_in_one_file(db):
    a_commune()
    file = take_in(OFFICER, MANAGER)
    assert {name: number for name, number in file.report.items() if number} == {"create": 2}
    officer, manager = Agent.select().order_by(Agent.role.desc())
    assert (officer.role, officer.quality, officer.place, officer.birth_date, officer.habilitated_until) == (
        Role.OFFICER, "brigadier-chef, APJ", "Lyon", "1985-05-17", datetime.date(2090, 12, 31))
    assert (manager.role, manager.commune_id, manager.delegated_from, manager.delegated_until) == (
        Role.MANAGER, "69123", datetime.date(2026, 4, 1), datetime.date(2092, 3, 31))
    assert officer.password_hash is manager.password_hash is None and not Mail.select().exists()


@pytest.mark.parametrize("sign, encoding", [(";", "utf-8-sig"), (",", "cp1252"), ("\t", "utf-8")])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
@ONE_ENGINE
def test_a_spreadsheet_writes_it_as_it_likes(db, sign, encoding, end):
    """Its order of columns, its signs, its encoding, a last line without an end, headers without accents."""
    headers = sign.join(("ROLE", "Nom", "e-mail", "Prenom", "Qualite", "UNITÉ", "lieu", "Inconnue"))
    cells = sign.join(("Officier", "DUPRÉ", "A.Dupre@Interieur.example", "Noël", '"chef"', "Brigade", "Lyon", "x"))
    file = read(io.BytesIO(f"{headers}{end}{sign * 7}{end}{cells}".encode(encoding)))
    agent_import.confirm(file)
    agent_import.follow(file)
    agent = Agent.get()
    assert (agent.email, agent.last_name, agent.first_name) == ("a.dupre@interieur.example", "DUPRÉ", "Noël")


REFUSED = [
    ({"email": ""}, "email missing"), ({"email": "opj@"}, "email address"),
    ({"email": "a" * 250 + "@b.fr"}, "email address"),
    ({"first_name": ""}, "first_name missing"), ({"last_name": "X" * 101}, "last_name too_long"),
    ({"last_name": "а\u202eb"}, "last_name characters"), ({"first_name": "…"}, "first_name characters"),
    ({"role": "ministère"}, "role role_ministry"), ({"role": "mairie"}, "role role_commune"),
    ({"role": "x"}, "role role"),
    ({"quality": ""}, "quality missing"), ({"unit": "U" * 151}, "unit too_long"), ({"place": ""}, "place missing"),
    ({"birth_date": "31/02/1985"}, "birth_date day"), ({"birth_date": "01/01/2090"}, "birth_date birth"),
    ({"siret": "12345678901234"}, "siret siret"), ({"siret": "1234"}, "siret siret"),
    ({"habilitated_from": "01/01/2091"}, "habilitated_until order"),
    ({"habilitated_until": "demain"}, "habilitated_until day"),
    ({"commune": "69123"}, "commune not_officers")]
REFUSED_MANAGERS = [
    ({"commune": ""}, "commune missing"), ({"commune": "99999"}, "commune commune"),
    ({"unit": "Commissariat"}, "unit not_managers"),
    ({"habilitated_from": "01/01/2026"}, "habilitated_from not_managers"),
    ({"delegated_until": "01/01/2020"}, "delegated_until order")]


def test_each_line_that_cannot_be_taken_says_its_column_and_why(db):
    a_commune()
    lines = [line(template, **{"email": f"{template[0]}{number}@b.fr", **cells})
             for template, refused in ((OFFICER, REFUSED), (MANAGER, REFUSED_MANAGERS))
             for number, (cells, _) in enumerate(refused)]
    file = read(a_file(*lines))
    assert outcomes(file) == [fault for _, fault in (*REFUSED, *REFUSED_MANAGERS)]
    assert file.report["refused"] == len(lines) and not any(file.report[name] for name in agent_import.WRITTEN)


def test_an_address_twice_in_a_file_counts_once(db, monkeypatch):
    monkeypatch.setattr(agent_files, "BATCH", 2)        # the second one may come in another batch
    file = read(a_file(OFFICER, line(first_name="Alix"), line(email="OPJ@interieur.example", last_name="ROY")))
    assert outcomes(file) == ["create", "email twice", "email twice"]
    assert AgentLine.get(AgentLine.line == 4).content == {"first": 2}


def test_a_file_changes_neither_role_nor_commune_nor_password(db):
    a_commune(), a_commune("75056")
    an_agent(Role.MINISTRY, email="ministere@b.fr")
    an_agent(Role.MANAGER, email="maire@lyon.example")
    an_agent(Role.COMMUNE, email="agent@b.fr")
    before = [row.__data__ for row in Agent.select().order_by(Agent.id)]
    file = take_in(line(email="ministere@b.fr"), line(MANAGER, commune="75056"), line(MANAGER, email="agent@b.fr"))
    assert outcomes(file) == ["role other_role", "commune other_commune", "role other_role"]
    assert [row.__data__ for row in Agent.select().order_by(Agent.id)] == before


def test_the_same_file_twice_changes_nothing(db):
    a_commune()
    take_in(OFFICER, MANAGER)
    before, events = [row.__data__ for row in Agent.select().order_by(Agent.id)], Event.select().count()
    assert outcomes(take_in(OFFICER, MANAGER)) == ["same", "same"]
    assert [row.__data__ for row in Agent.select().order_by(Agent.id)] == before and Event.select().count() == events


def test_what_a_line_says_otherwise_is_changed_and_an_empty_cell_erases_nothing(db):
    agent = an_officer(email="opj@interieur.example", habilitated_until="2027-01-01", unit="Ancienne", siret="1" * 14)
    assert outcomes(take_in(line(unit="Nouvelle", habilitated_until="", siret=""))) == ["change"]
    after = Agent.get_by_id(agent.id)
    assert (after.unit, str(after.habilitated_until), after.siret, after.password_hash) == (
        "Nouvelle", "2027-01-01", "1" * 14, agent.password_hash)
    assert [(event.act, event.subjects) for event in Event.select()] == [("importer_comptes", str(agent.id))]


def test_a_habilitation_that_ends_closes_the_sessions(app):
    agent = an_officer(email="opj@interieur.example")
    log_in(app.test_client(), agent=agent)
    assert outcomes(take_in(line(habilitated_from="01/01/2020", habilitated_until="01/01/2021"))) == ["end"]
    assert not WebSession.select().exists()


# --- The file as a whole --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("content, name", [
    (b"", "AgentFileEmpty"), (HEADERS.encode(), "AgentFileEmpty"), (b"PK\x03\x04\0\0", "AgentFileBinary"),
    ("courriel;nom\na;b\n".encode("utf-16"), "AgentFileBinary"), (b"nom;prenom\na;b\n", "AgentFileHeaders"),
    (b"x" * 9000, "AgentFileTooWide"), ((HEADERS + '\n"a;b\n' + "c\n" * 9).encode(), "AgentFileQuotes"),
    ((HEADERS + '\n"a;b').encode(), "AgentFileQuotes")])
@ONE_ENGINE
def test_what_is_no_such_file_is_refused_and_the_next_one_may_come(db, content, name):
    with pytest.raises(AgentFileUnusable) as refused:
        read(io.BytesIO(content))
    assert type(refused.value).__name__ == name
    assert read(a_file(OFFICER)).state == "ready"


@ONE_ENGINE
def test_a_file_of_too_many_lines_is_refused(db, monkeypatch):
    monkeypatch.setattr(agent_files, "MOST_LINES", 2)
    with pytest.raises(agent_files.AgentFileTooLong):
        read(a_file(OFFICER, line(email="b@b.fr")))


def test_two_files_at_once_are_refused_until_one_is_given_up(db):
    ministry = an_agent(Role.MINISTRY)
    file = read(a_file(OFFICER), ministry)
    with pytest.raises(AgentFileUnderWay):
        agent_import.receive(ministry, a_file(MANAGER))
    agent_import.discard(file)
    with pytest.raises(AgentFileReplaced):
        agent_import.confirm(file)
    agent_import.receive(ministry, a_file(MANAGER))


def test_what_came_between_the_reading_and_the_writing_is_judged_again(db):
    file = read(a_file(OFFICER, line(email="b@b.fr"), line(email="c@b.fr")))
    an_agent(Role.MINISTRY, email="b@b.fr"), an_officer(email="c@b.fr", unit="Autre")
    agent_import.confirm(file)
    file = agent_import.follow(file)
    assert outcomes(file) == ["create", "role other_role", "change"]
    assert file.report == {"create": 1, "change": 1, "end": 0, "same": 0, "refused": 1}
    assert Agent.get(Agent.email == "c@b.fr").unit == "Commissariat"


class Killed(BaseException):
    """The process is no more."""


def test_killed_in_the_middle_it_is_taken_up_again_and_nothing_is_doubled_or_half(db, monkeypatch):
    monkeypatch.setattr(agent_files, "BATCH", 2)
    monkeypatch.setattr(agent_import, "APPLIED", 2)
    monkeypatch.setattr(agent_import, "INVITED", 2)
    lines = [line(email=f"o{number}@b.fr") for number in range(5)]
    steps = []

    def dies(statement, *args, **kwargs):
        steps.append(statement)
        if len(steps) in (3, 19, 31, 40, 55, 70):
            raise Killed()
        return run(statement, *args, **kwargs)
    run = database.obj.execute_sql
    monkeypatch.setattr(database.obj, "execute_sql", dies)
    killed = 0
    while not AgentFile.select().where(AgentFile.state == "done").exists():
        try:
            Job.update(lease_until=None).execute()      # the dead one's ran out
            file = read(a_file(*lines))
            if file.state == "ready":
                agent_import.confirm(file, invite=True)
            agent_import.follow(file)
        except Killed:
            killed += 1
        assert AgentLine.select().count() in (0, 2, 4, 5) and Agent.select().count() in (0, 2, 4, 5), "no half a batch"
    monkeypatch.setattr(database.obj, "execute_sql", run)
    while clock.run(name="inviter_comptes"):
        pass
    assert killed > 3 and Agent.select().count() == Mail.select().count() == 5
    assert sum(len(event.subjects.split()) for event in Event.select().where(Event.act == "importer_comptes")) == 5


def test_the_parts_and_the_lines_go_once_the_report_is_of_no_use(db):
    file = take_in(OFFICER)
    AgentFile.update(created_at=now() - datetime.timedelta(days=8)).execute()
    jobs.through(agent_import.WORKS["effacer_comptes"])
    assert not any(table.select().exists() for table in (AgentFile, AgentLine, AgentPart)) and Agent.get(), file.id


# --- Invitations ----------------------------------------------------------------------------------------------------

def test_those_who_are_new_are_invited_by_the_outbox_and_told_of_both_ways(db, settings):
    an_officer(email="known@b.fr", unit="Autre")
    object.__setattr__(settings, "proconnect_client_id", "maprocuration")
    take_in(line(siret="11001401600015"), line(email="known@b.fr"), invite=True)
    while clock.run(name="inviter_comptes"):
        pass
    mail = Mail.get()
    text = outbox.render(mail.name, mail.context).text
    assert mail.recipient == "opj@interieur.example" and "/invitation/" in text and "ProConnect" in text
    assert Event.select().where(Event.act == "inviter").count() == 1


def test_many_are_invited_in_as_many_statements_as_one(db):
    taken = []
    for agents in ([an_officer()], [an_officer(), an_officer(), an_officer()]):
        with count_statements() as statements, database.atomic():
            accounts.send_links(CLOCK, agents)
        taken.append(len(statements))
    assert taken == [3, 3] and Mail.select().count() == 4


# --- Addresses of mairies -------------------------------------------------------------------------------------------

def test_addresses_of_mairies_come_in_a_file_too(db):
    a_commune(), a_commune("75056")
    Commune.update(email="vieille@paris.example").where(Commune.code == "75056").execute()
    lines = ("69123;Mairie@Lyon.example", "75056;mairie@paris.example", "99999;x@y.fr", "69123;autre@lyon.example",
             "x;y")
    file = take_in(*lines, headers="code INSEE;adresse électronique")
    assert outcomes(file) == ["create", "change", "commune commune", "commune twice", "email address"]
    assert [town.email for town in Commune.select().order_by(Commune.code)] == ["mairie@lyon.example",
                                                                                "mairie@paris.example"]
    assert outcomes(take_in(*lines[:2], headers="commune;courriel")) == ["same", "same"]


def test_many_addresses_take_as_many_statements_as_one(db):
    a_commune(), a_commune("75056"), a_commune("69189")
    taken = []
    for lines in (["69123;a@b.fr"], ["69123;c@b.fr", "75056;c@b.fr", "69189;c@b.fr"]):
        file = read(a_file(*lines, headers="commune;courriel"))
        agent_import.confirm(file)
        with count_statements() as statements:
            clock.run(name="ecrire_comptes")
        taken.append(len(statements))
    assert taken[1] <= taken[0] and Commune.select().where(Commune.email == "c@b.fr").count() == 3


# --- The commands ---------------------------------------------------------------------------------------------------

def run(app, *arguments):
    return app.test_cli_runner().invoke(args=[str(argument) for argument in arguments])


def test_the_command_tells_then_writes_and_ends_in_a_sentence_when_the_database_fails(app, tmp_path, monkeypatch):
    path = tmp_path / "officers.csv"
    path.write_bytes(a_file(OFFICER, line(role="x")).getvalue())
    told = run(app, "agents", "import", path, "--dry-run")
    assert told.exit_code == 0 and "3: Le rôle n’est pas connu" in told.output and "nothing written" in told.output
    assert "1 create" in told.output and not Agent.select().exists()
    assert run(app, "communes", "emails", path).exit_code == 1
    assert run(app, "agents", "import", path).exit_code == 0 and Agent.select().count() == 1
    a_commune()
    for command in (("agents", "import", path), ("roll", "import", "69123", path)):
        with monkeypatch.context() as broken:
            broken.setattr(database.obj, "execute_sql", _fails)
            failed = run(app, *command)
        assert failed.exit_code == 1 and "the database failed" in failed.output and "Traceback" not in failed.output


def _fails(*args, **kwargs):
    from peewee import OperationalError
    raise OperationalError("gone")


# --- The ministry's page --------------------------------------------------------------------------------------------

@pytest.fixture
def ministry(app):
    return Desk(app, an_agent(Role.MINISTRY))


def sends(desk, stream):
    form, sent = desk.form("Envoyer")
    desk.page = desk.client.post(form["action"], data={**sent, "file": (stream, "agents.csv")}, follow_redirects=True)
    return desk


def works():
    while any([clock.run(name=name) for name in ("lire_comptes", "ecrire_comptes", "inviter_comptes")]):
        pass


def test_the_ministry_sends_reads_confirms_and_downloads_the_report(ministry):
    ministry.opens("/admin/agents/").follows("Importer")
    sends(ministry, a_file(OFFICER, line(email="=1+1@b.fr", role="x")))
    assert ministry.title == "Import en cours" and ministry.page.headers["Refresh"]
    works()
    ministry.opens("/admin/agents/importer/")
    assert "Rien n’a encore changé" in ministry.said and "Le rôle n’est pas connu" in ministry.said
    assert not Agent.select().where(Agent.role == Role.OFFICER).exists()
    ministry.presses("Écrire 1 compte", invite="y")
    works()
    assert ministry.opens("/admin/agents/importer/").title == "Import terminé"
    assert Agent.get(Agent.role == Role.OFFICER).email == "opj@interieur.example" and Mail.select().count() == 1
    report = ministry.client.get("/admin/agents/importer/rapport").get_data(as_text=True)
    assert "3;'=1+1@b.fr;refusée;rôle;" in report and "2;opj@interieur.example;création;;" in report
    assert Event.get(Event.act == "exporter").subjects == str(AgentFile.get().id)


def test_a_proof_of_long_ago_is_asked_again_before_a_file(ministry):
    ministry.opens("/admin/agents/importer/")
    WebSession.update(proved_at=now() - datetime.timedelta(minutes=11)).execute()
    sends(ministry, a_file(OFFICER))
    assert not AgentFile.select().exists() and "c’est vous" in ministry.title.replace("'", "’")


def test_a_report_of_many_lines_wants_a_proof(ministry, monkeypatch):
    take_in(OFFICER, line(email="b@b.fr"))
    monkeypatch.setattr("admin_views.export.MOST_UNPROVED", 1)
    WebSession.update(proved_at=None).execute()
    assert "c’est vous" in ministry.opens("/admin/agents/importer/rapport").title
    assert not Event.select().where(Event.act == "exporter").exists()


# --- Full figures ---------------------------------------------------------------------------------------------------

@pytest.mark.long
def test_100_000_officers_take_under_two_minutes_and_a_flat_memory(db, tmp_path):
    path = tmp_path / "officers.csv"
    sample.write(path, 100_000)
    tracemalloc.start()
    for act in (sample.check, sample.take_in):
        began = now()
        report = act(path)
        assert report["create"] == 100_000 and now() - began < datetime.timedelta(minutes=2)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()
    assert Agent.select().count() == 100_000
