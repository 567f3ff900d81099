"""An agent of another commune tries every endpoint of every view with ids that are not theirs.

The routes are read from the application: a new view is attacked from the day it is registered. Nothing may leak (the
name of the foreign people appears nowhere) and nothing may change (the database is compared). There are two walls:
either one is enough.
"""
import operator
import re
from functools import reduce

import pytest
from flask import url_for

from admin_views import base, policy, writing
from models import (TABLES, Commune, Elector, Event, Hit, Passage, Procuration, Role, Roll, RollFile, Rules,
                    SavedSearch, WebSession, database, now)
from portal import procedure, rolls, walls
from tests.engines import ONE_ENGINE
from tests.factories import (a_commune, a_mandataire, a_procuration, a_scrutin, a_voter, an_acte, an_agent, an_officer,
                             log_in, somebody)

MARK = "zorglub"                # stands in each foreign name, and in nothing else
PREFIX = "zorg"                 # what the attacker types
STOCK = ("", "new/", "edit/", "details/", "delete/", "action/", "export/csv/", "export/xlsx/", "ajax/lookup/",
         "ajax/update/", "search/")
UNTOLD = (Event, Hit, SavedSearch)      # reading leaves traces there
LYON = "69123"
FILE = "f" * 64                 # the fingerprint of a foreign roll
MOST_IDS = 5


@pytest.fixture
def world(app):
    """Lyon, whose agents attack; Paris, which owns what they want."""
    app.config["WTF_CSRF_ENABLED"] = False  # the tokens are tested below; here every blow must reach the view
    app.after_request_funcs[None] = [each for each in app.after_request_funcs[None] if each.__name__ != "lint"]
    scrutin, paris, lyon = a_scrutin(), a_commune("75056"), a_commune(LYON)
    theirs = {"scrutin": scrutin, "officer": an_officer(last_name=f"{MARK}-officier"),
              "agent": an_agent(Role.MANAGER, paris, last_name=MARK, email=f"{MARK}@exemple.fr")}
    for status in ("etablie", "validee", "invalidee"):
        a_procuration(status, commune=paris, voter=a_voter(birth_name=f"{MARK}-{status}"),
                      mandataire=a_mandataire(birth_name=f"{MARK}-{status}"), **theirs)
    a_procuration("validee", commune=paris, voter=a_voter(birth_name=f"{MARK}-lettre", email=None), **theirs)
    procedure.saisir(an_acte(scrutin, mandant=somebody(birth_name=f"{MARK}-papier")), theirs["agent"])
    lists_the_mark(paris)
    Roll.create(commune=lyon, kind="LP", state="current", fingerprint="d" * 64, current_since=now())
    a_procuration("deposee", commune=lyon, voter=a_voter(birth_name=MARK), scrutin=scrutin)     # nobody's yet
    a_procuration("etablie", scrutin=scrutin, commune=lyon)
    Rules.create(scrutin=scrutin)
    return {role: actor for role, actor in (
        (Role.COMMUNE, an_agent(Role.COMMUNE, lyon)), (Role.MANAGER, an_agent(Role.MANAGER, lyon)),
        (Role.OFFICER, an_officer()), (Role.MINISTRY, an_agent(Role.MINISTRY)), (Role.VOTER, a_voter()))}


def lists_the_mark(commune):
    """A roll, and the file that is to replace it."""
    roll = Roll.create(commune=commune, kind="LP", state="current", fingerprint="e" * 64, current_since=now())
    Elector.create(roll=roll, birth_name=MARK, first_names="Zoé", sex="F", birth_date="1980-05-17",
                   key=f"{MARK.upper()} ZOE")
    RollFile.create(commune=commune, state="ready", fingerprint=FILE)


def model_views(app):
    return [view for view in app.extensions["admin"][0]._views if isinstance(view, base.ScopedView)]


def screens(app):
    return [view for view in app.extensions["admin"][0]._views if not isinstance(view, base.ScopedView)]


def foreign_rows(view, actor):
    """Rows of the view's model that `actor` must not touch, said again here without the policy of the code."""
    model, rows = view.model, view.model.select()
    if actor.role not in view.roles:
        return rows
    if actor.role == Role.MINISTRY:
        return rows.where(False) if model is not Procuration else rows
    if model is Procuration:
        return rows.where((Procuration.commune != actor.commune_id) | Procuration.established_at.is_null())
    if hasattr(model, "procuration"):
        mine = Procuration.select().where(Procuration.commune == actor.commune_id)
        return rows.where(model.procuration.not_in(mine))
    if hasattr(model, "commune"):
        return rows.where(model.commune.is_null() | (model.commune != actor.commune_id))
    return rows


def targets(app):
    """(view, address, methods) of all there is: registered routes, and those of Flask-Admin we did away with."""
    served = {rule.rule for rule in app.url_map.iter_rules()} | {f"{view.url}/export/csv/" for view in model_views(app)}
    for view in model_views(app):
        gone = [f"{view.url}/{path}" for path in STOCK if f"{view.url}/{path}" not in served]
        yield from ((view, address, {"GET", "POST"}) for address in gone)
    for view in [*model_views(app), *screens(app)]:
        for rule in app.url_map.iter_rules():
            if rule.endpoint.split(".")[0] == view.endpoint and "filename" not in rule.arguments:
                yield view, rule, rule.methods & {"GET", "POST"}


def address(app, target, identity):
    if isinstance(target, str):
        return target
    with app.test_request_context():
        return url_for(target.endpoint, **{**dict.fromkeys(target.arguments, identity),
                                           **dict.fromkeys(target.arguments & {"export_type"}, "csv")})


def blows(view, row):
    """What is posted: everything a page of the back office could ever send about `row`."""
    fields = {**dict.fromkeys(("id", "rowid", "pk", "list_form_pk"), row._pk), "seen": writing.fingerprint(row),
              "version": getattr(row, "version", 0), "reason": "mandant_non_inscrit", "confirmer": "oui",
              "words": PREFIX, "url": "/admin/", "file": FILE}
    values = {"role": "mandant"} | {name: "pirate" for name in row.__data__ if name != row._meta.primary_key.name}
    known = {**values, **{name: str(value) for name, value in row.__data__.items() if name in ("role", "commune")}}
    for action in {"delete", *getattr(view, "_actions_data", {})}:
        yield {**known, **fields, "action": action}


def snapshot():
    """Every row of the database but the traces and what the attacker's commune says of itself; of sessions, not when
    they were last seen."""
    rows = {}
    for table in TABLES:
        columns = [column for column in table._meta.sorted_fields if (table, column.name) != (WebSession, "seen_at")]
        rows[table] = [] if table in UNTOLD else sorted(map(repr, table.select(*columns).tuples()))
    rows[Commune] = [row for row in rows[Commune] if not row.startswith(f"('{LYON}'")]
    return rows


def attack(app, actor):
    """Sentences, one or more per hole that `actor` finds, as they are found."""
    client = app.test_client()
    log_in(client, **{"voter" if actor.role == Role.VOTER else "agent": actor})
    for view, target, methods in list(targets(app)):
        before = snapshot()
        for row in rows_for(view, actor):
            yield from strike(client, view, address(app, target, row._pk), methods, row)
        if snapshot() != before:
            yield f"{target} changes a foreign row"


def rows_for(view, actor):
    """A few to strike with: a screen that is no grid takes the id of an act, or of a paper file."""
    most = MOST_IDS if actor.role in view.roles else 1
    if isinstance(view, base.ScopedView):
        return list(foreign_rows(view, actor).limit(most))
    return [*Passage.select().limit(most), *Procuration.select().where(Procuration.origin == "paper")]


def strike(client, view, where, methods, row):
    answers = []
    if "GET" in methods:
        query = {"id": row._pk, "name": "commune", "query": PREFIX, "search": PREFIX, "flt_status": ""}
        answers.append(client.get(where, query_string=query))
    if "POST" in methods:
        for fields in blows(view, row):
            answers.append(client.post(where, query_string={"id": row._pk}, data=fields))
            answers.append(client.post(where, data=fields))
    for answer in [*answers, *(client.get(answer.location) for answer in answers if answer.location)]:
        if MARK in answer.get_data(as_text=True).lower():
            yield f"{where} shows a foreign name"
        if answer.status_code >= 500:
            yield f"{where} breaks: {answer.status_code}"


ROLES = (Role.COMMUNE, Role.MANAGER, Role.OFFICER, Role.MINISTRY, Role.VOTER)


def beginning_anywhere(commune, kinds, column, starts):
    """`rolls.beginning`, on the rolls of the whole country."""
    of_all = Roll.select(Roll.id).where(Roll.state == "current", Roll.kind.in_(kinds))
    return reduce(operator.or_, (Elector.roll.in_(of_all) & column.begins(start) for start in starts))


FAULTS = {  # each as a hurried colleague would write it: (where, what, the bad code)
    "a row fetched without its scope": [
        (base.ScopedView, "get_one", lambda self, id: self.model.get_or_none(id=self.clean_pk(id)))],
    "chosen rows fetched without their scope, by a service that asks nobody": [
        (base.ScopedView, "locked", lambda self, ids: list(self.model.select().where(self.model.id.in_(
            [self.clean_pk(id) for id in ids])))),
        (procedure, "_check_right", lambda *asked: None)],
    "a grid without its scope": [(base.ScopedView, "get_query", lambda self: self.model.select())],
    "a roll searched without its scope": [(rolls, "beginning", beginning_anywhere)],
    "a policy that forgets the commune": [
        (policy, "POLICY", {Procuration: {Role.COMMUNE: lambda actor: Procuration.established_at.is_null(False)}})],
}


@ONE_ENGINE
@pytest.mark.parametrize("fault", FAULTS)
def test_the_attack_finds(app, world, monkeypatch, fault):
    for holder, name, bad in FAULTS[fault]:
        monkeypatch.setattr(holder, name, bad)
    assert any("foreign" in hole for hole in attack(app, world[Role.COMMUNE]))


OPEN_POLICY = {model: dict.fromkeys(Role, policy.everything) for model in TABLES}


def first_wall_down(monkeypatch):
    monkeypatch.setattr(policy, "POLICY", OPEN_POLICY)
    monkeypatch.setattr(rolls, "beginning", beginning_anywhere)


def second_wall_down(monkeypatch):
    for table in walls.BEHIND:
        database.execute_sql(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")


def as_it_is(monkeypatch):
    """SQLite has the first wall only, and officers read by reference."""


@pytest.mark.parametrize("engine, role, wall", [
    *(("sqlite", role, as_it_is) for role in ROLES), ("postgresql", Role.OFFICER, as_it_is),
    ("postgresql", Role.MANAGER, first_wall_down), ("postgresql", Role.COMMUNE, second_wall_down)], indirect=["engine"])
def test_no_endpoint_gives_or_takes_what_belongs_to_others(app, world, monkeypatch, role, wall):
    wall(monkeypatch)
    assert sorted(set(attack(app, world[role]))) == []


def test_nobody_knows_more_than_that_a_page_is_not_there(app, world):
    """A foreign id and one that does not exist get the same answer."""
    client = app.test_client()
    log_in(client, agent=world[Role.COMMUNE])
    foreign = Procuration.get(Procuration.commune == "75056")
    pages = [client.get("/admin/procurations/details/", query_string={"id": id}) for id in (foreign.id, 999_999)]
    assert [page.status_code for page in pages] == [404, 404]
    texts = [re.sub(r'value="[^"]+"', "", page.text) for page in pages]     # the tokens
    assert texts[0] == texts[1]


def test_every_post_wants_its_token(app, world):
    app.config["WTF_CSRF_ENABLED"] = True
    client, tried = app.test_client(), 0
    for role in (Role.COMMUNE, Role.OFFICER, Role.MINISTRY):
        log_in(client, agent=world[role])
        for view, target, methods in list(targets(app)):
            if role in view.roles and "POST" in methods and not isinstance(target, str):
                answer = client.post(address(app, target, 1), data={"id": 1, "rowid": 1})
                assert answer.status_code in (400, 404), f"{target} takes a post without token"
                tried += answer.status_code == 400
    assert tried > 10


def test_a_search_of_another_session_is_not_there(app, world):
    clients = [app.test_client(), app.test_client()]
    for client in clients:
        log_in(client, agent=world[Role.COMMUNE])
    where = clients[0].post("/admin/procurations/search/", data={"words": PREFIX}).location
    assert clients[0].get(where).status_code == 200
    assert clients[1].get(where).status_code == 404
