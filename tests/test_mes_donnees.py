"""A voter's own data, to read and to keep, and who looked at it (RGPD, articles 15 and 20)."""
import json
from pathlib import Path

import pytest

from models import Event, Mail, Personne, Procuration, database, now
from portal import journal, mail, mandataires, procedure, rights
from portal.pages.mes_donnees import gathered
from portal.texts import filled
from tests.engines import ONE_ENGINE
from tests.factories import (a_commune, a_mandataire, a_procuration, a_scrutin, a_voter, an_agent, an_officer, fresh,
                             log_in)
from tests.statements import count_statements
from tests.voter import Mandant

PAGE, DOWNLOAD = "/mes-donnees", "/mes-donnees.json"


@pytest.fixture
def mandant(app):
    app.config["WTF_CSRF_ENABLED"] = False
    a_commune()
    return Mandant(app.test_client())


def looked_at(file):
    """The accesses of a file, as the page has them."""
    return gathered(file.voter)[0].accesses


def on_paper(voter, **columns):
    """A paper act whose mandant is called as `voter`."""
    file = a_procuration("etablie", voter=a_voter())
    Procuration.update(voter=None, origin="paper", filed_at=None).where(Procuration.id == file.id).execute()
    identity = {name: getattr(voter, name) for name in ("birth_name", "first_names", "sex", "birth_date", "key")}
    (Personne.update({**identity, "birth_place": "", **columns})
     .where(Personne.procuration == file, Personne.role == "mandant").execute())
    return file


# --- Own data -------------------------------------------------------------------------------------------------------

def test_a_voter_without_a_file_reads_who_they_are(mandant):
    page = mandant.opens(PAGE)
    assert mandant.row.birth_name in page.text and mandant.row.email in page.text and "Aucune" in page.text


@pytest.mark.parametrize("status", ["deposee", "refusee", "etablie", "validee", "invalidee"])
def test_the_page_shows_people_tours_history_mails_and_until_when(mandant, status):
    file = a_procuration(status, voter=mandant.row, mandataire=a_mandataire(email="sacha@exemple.fr"))
    page = mandant.opens(PAGE)
    for said in (file.mandataire.birth_name, "sacha@exemple.fr", file.reference.shown, "Lyon (69)", "1er tour",
                 "Demande déposée", "Votre demande de procuration", "Gardée jusqu’au"):
        assert said in page.text, said
    assert "69123" not in page.text             # the place of birth has a name


def test_the_download_is_json_to_keep_that_no_cache_keeps(mandant):
    file = a_procuration("validee", voter=mandant.row)
    answer = mandant.client.get(DOWNLOAD)
    assert answer.mimetype == "application/json" and answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"] == "attachment; filename=mes-donnees.json"
    own, = answer.json["procurations"]
    assert answer.json["identity"]["birth_name"] == mandant.row.birth_name
    assert own["mandataire"]["birth_name"] == file.mandataire.birth_name and own["kept_until"]
    assert [passage["act"] for passage in own["history"]] == ["deposer", "etablir", "valider"]
    assert [tour["place_held"] for tour in own["tours"]] == [True, True] and own["references"][0]["code"]
    assert Event.select().order_by(Event.id.desc()).get().act == "exporter"


def test_every_key_of_the_download_is_documented(mandant):
    a_procuration("validee", voter=mandant.row)
    documented = (Path(__file__).parent.parent / "docs" / "own-data.md").read_text()
    missing = {key for key in keys_of(mandant.client.get(DOWNLOAD).json) if f"`{key}`" not in documented}
    assert not missing, "write these in docs/own-data.md"


def keys_of(value):
    """Every key, but those inside `evidence` and `certified`, which are FranceConnect's."""
    if isinstance(value, list):
        return {key for one in value for key in keys_of(one)}
    if not isinstance(value, dict):
        return set()
    return set(value) | {key for name, one in value.items() if name not in ("evidence", "certified")
                         for key in keys_of(one)}


def test_no_secret_link_and_no_name_of_an_agent_leaves(mandant):
    file = a_procuration("validee", voter=mandant.row, email="ailleurs@exemple.fr",
                         mandataire=a_mandataire(email="sacha@exemple.fr"),
                         agent=an_agent(first_name="Zébulon", last_name="Agent-Secret"))
    contexts = [row.context for row in Mail.select().where(Mail.procuration == file)]
    draws = [context["draw"] for context in contexts if "draw" in context]
    for path in (PAGE, DOWNLOAD):
        left = mandant.client.get(path).text
        assert len(draws) == 2 and not [draw for draw in draws if draw in left]
        assert "Secret" not in left and "password" not in left and "filing_key" not in left


def test_what_was_written_to_the_mandataire_is_not_told_to_the_mandant(mandant):
    file = a_procuration("etablie", voter=mandant.row, mandataire=a_mandataire(email="sacha@exemple.fr"))
    assert Mail.select().where(Mail.name == mandataires.MAIL, Mail.procuration == file).exists()
    assert "Une procuration vous désigne" not in mandant.client.get(PAGE).text + mandant.client.get(DOWNLOAD).text


def test_another_voter_s_file_is_not_in_it(mandant):
    other = a_procuration("validee")
    assert other.mandataire.birth_name not in mandant.client.get(PAGE).text + mandant.client.get(DOWNLOAD).text


def test_only_a_voter_has_own_data(app):
    for path in (PAGE, DOWNLOAD):
        assert app.test_client().get(path).status_code == 303
        officer = app.test_client()
        log_in(officer, agent=an_officer())
        assert officer.get(path).status_code == 404


def test_a_paper_act_of_exactly_the_pivot_identity_is_shown(mandant):
    file = on_paper(mandant.row)
    page = mandant.opens(PAGE)
    assert file.mandataire.birth_name in page.text and "Sur papier" in page.text
    assert mandant.client.get(DOWNLOAD).json["procurations"][0]["origin"] == "paper"


@pytest.mark.parametrize("columns", [{"sex": "M"}, {"key": "AUTRE|CAMILLEANDREE|1980-05-17"}, {"role": "mandataire"}],
                         ids=["sex", "name", "mandataire"])
def test_a_paper_act_of_somebody_nearly_called_so_is_not(mandant, columns):
    file = on_paper(mandant.row)
    if "role" in columns:       # the voter is whom somebody else named
        Personne.delete().where(Personne.procuration == file, Personne.role == "mandataire").execute()
    Personne.update(columns).where(Personne.procuration == file, Personne.key == mandant.row.key).execute()
    assert not Procuration.select().where(rights.own(mandant.row)).exists()


def test_a_file_is_kept_a_year_after_its_last_day_and_a_request_two_months(db):
    established, request = a_procuration("validee"), a_procuration()
    assert rights.kept_until(established) == established.valid_until.replace(year=established.valid_until.year + 1)
    assert 59 <= (rights.kept_until(request) - now().date()).days <= 62


# --- Who looked -----------------------------------------------------------------------------------------------------

def test_who_looked_is_told_by_role_and_hour_lists_and_exports_included(mandant):
    file, agent, officer = a_procuration("etablie", voter=mandant.row), an_agent(), an_officer()
    ids = [file.id, *range(10_000, 12_000)]
    journal.record(officer, "consulter", "procuration", file.id)
    journal.record(agent, "consulter", "procuration", *ids[:50])
    journal.record(agent, "exporter", "procuration", *reversed(ids))
    journal.record(agent, "consulter", "procuration", 7_000 + file.id, int(f"{file.id}7"))      # others
    told = [(access.role, access.act) for access in looked_at(file)]
    assert told[:3] == [("commune", "exporter"), ("commune", "consulter"), ("officer", "consulter")]
    assert len(told) == 4 and told[3] == ("officer", "etablir")
    page = mandant.opens(PAGE).text
    assert page.count("Un agent de la mairie de Lyon (69), le") == 2
    assert page.count("Un officier ou agent de la police ou de la gendarmerie, le") == 2
    assert agent.last_name not in mandant.client.get(DOWNLOAD).text.replace(file.authority, "")


def test_an_agent_who_moved_to_another_town_hall_is_still_told(db):
    file, agent = a_procuration("etablie"), an_agent()
    journal.record(agent, "consulter", "procuration", file.id, 9_999)
    agent.commune = a_commune("75056")
    agent.save()
    assert ("commune", "consulter") in [(access.role, access.act) for access in looked_at(file)]


def test_what_was_done_to_an_erased_file_of_the_same_number_is_not_told(db):
    journal.record(an_officer(), "consulter", "procuration", 1)
    file = a_procuration("etablie")
    assert file.id == 1 and [access.act for access in looked_at(file)] == ["etablir"]


def test_own_acts_and_the_clock_s_are_no_accesses(db):
    file = a_procuration("caduque")
    assert looked_at(file) == []


def test_each_file_has_its_own_accesses_in_a_fixed_number_of_statements(db):
    voter, scrutins = a_voter(), [a_scrutin(), a_scrutin(), a_scrutin()]
    first = a_procuration("etablie", voter=voter, scrutin=scrutins[0])
    with count_statements() as few:
        gathered(voter)
    others = [a_procuration("etablie", voter=voter, scrutin=scrutin) for scrutin in scrutins[1:]]
    journal.record(an_agent(), "consulter", "procuration", first.id, others[0].id)
    with count_statements() as many:
        files = {file.id: file for file in gathered(voter)}
    assert len(few) == len(many)
    assert [len(files[file.id].accesses) for file in (first, *others)] == [2, 2, 1]


def test_the_journal_is_asked_by_its_indexes(db):
    file, elsewhere = a_procuration("etablie"), an_agent(commune=a_commune("75056"))
    for _ in range(300):
        journal.record(elsewhere, "consulter", "procuration", 5, 6)
    single, several = [statement for statement in asked_for(file) if '"event"' in statement[0]]
    assert "event_single" in plan(*single) and "event_town_hall" in plan(*several)


def asked_for(file):
    """What the page asks the database, with the parameters."""
    asked, plain = [], database.obj.execute_sql

    def execute_sql(sql, parameters=None, *args, **kwargs):
        asked.append((sql, parameters))
        return plain(sql, parameters, *args, **kwargs)
    database.obj.execute_sql = execute_sql
    try:
        looked_at(file)
    finally:
        del database.obj.execute_sql
    return asked


def plan(sql, parameters):
    sqlite = "sqlite" in type(database.obj).__name__.lower()
    if not sqlite:
        database.execute_sql("SET enable_seqscan = off")      # of a few hundred rows it would read all
    rows = database.execute_sql(("EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN ") + sql, parameters).fetchall()
    return json.dumps([list(map(str, row)) for row in rows])


def test_an_event_says_which_town_hall_acted_and_cannot_be_changed(db):
    journal.record(an_agent(), "consulter", "procuration", 1)
    assert Event.get().commune == "69123" and journal.verify() is None
    with pytest.raises(Exception, match="append-only"):
        Event.update(commune="75056").where(Event.act == "consulter").execute()


def test_a_file_undone_and_done_again_is_seen_since_its_first_establishment(db):
    officer = an_officer()
    file = a_procuration("etablie", officer=officer)
    journal.record(an_agent(), "consulter", "procuration", file.id, 9_999)
    procedure.defaire(fresh(file), officer, "erreur_de_saisie")
    assert ("commune", "consulter") in [(access.role, access.act) for access in looked_at(file)]


@ONE_ENGINE
@pytest.mark.parametrize("name", [*mail.SAMPLES, *mail.LINKS])
def test_every_mail_has_a_subject_once_its_facts_are_erased(name, app):
    assert filled(f"mails/{name}/subject.txt", {}).strip()
