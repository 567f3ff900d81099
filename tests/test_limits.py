"""How often something may be asked: counted together by all workers, by the address that asks and by the person."""
import datetime
from dataclasses import replace

import pytest

from app import create_app
from models import Hit, Procuration, database, now
from portal import access, erasure, limits, throttling
from portal.catalogue import wait
from portal.database import on_postgresql
from portal.limits import Limit, TooOften
from tests.engines import ONE_ENGINE
from tests.factories import a_commune, a_scrutin, a_voter, an_agent, log_in
from tests.statements import count_statements
from tests.voter import Mandant

THREE = Limit("three", 3, 60)
SECOND = datetime.timedelta(seconds=1)
HERE = {"REMOTE_ADDR": "203.0.113.7"}
GET, POST = ("GET",), ("POST",)
BY_ADDRESS = [      # where, how, by which limit
    ("/connexion", POST, throttling.LOG_IN), ("/connexion/code", POST, throttling.LOG_IN),
    ("/connexion/code-de-secours", POST, throttling.LOG_IN), ("/connexion/activation", POST, throttling.LOG_IN),
    ("/connexion/cle", POST, throttling.LOG_IN), ("/connexion/cle/defi", GET, throttling.LOG_IN),
    ("/connexion/code/cle", POST, throttling.LOG_IN), ("/mot-de-passe/jeton", GET + POST, throttling.LINKS),
    ("/proconnect/connexion", POST, throttling.IDENTITY), ("/proconnect/retour", GET, throttling.IDENTITY),
    ("/franceconnect/connexion", POST, throttling.IDENTITY), ("/franceconnect/retour", GET, throttling.IDENTITY),
    ("/franceconnect/retour-certifie", GET, throttling.IDENTITY),
    ("/mes-procurations/1/sans-deplacement/identite", POST, throttling.IDENTITY),
    ("/invitation/jeton", GET + POST, throttling.LINKS), ("/adresse/jeton", GET + POST, throttling.LINKS),
    ("/mandataire/jeton", GET, throttling.LINKS), ("/mandataire/jeton/refuser", GET + POST, throttling.LINKS),
    ("/mandataire/jeton/ne-plus-ecrire", POST, throttling.LINKS),
    ("/mes-procurations/retrouver", POST, throttling.LINKS),
    ("/mes-procurations/retrouver/jeton", GET + POST, throttling.LINKS),
    ("/communes?q=lyon", GET, throttling.LISTS)]


def use_up(limit, subject):
    """As if `subject` had asked all that `limit` allows."""
    limits.count((limit, subject))
    Hit.update(count=limit.most).where(Hit.key == limits._key(limit, subject)).execute()


# --- Counting -------------------------------------------------------------------------------------------------------

def test_a_limit_lets_so_many_through_and_says_when_to_come_again(db):
    assert [stands.times for _ in range(3) for stands in limits.count((THREE, "a"))] == [1, 2, 3]
    with pytest.raises(TooOften) as refused:
        limits.spend((THREE, "a"), (THREE, "b"))
    assert 0 < refused.value.retry_after <= 60
    limits.spend((THREE, "b"))


def test_what_is_counted_names_nobody(db):
    limits.spend((THREE, "claire@exemple.fr"))
    assert "claire" not in Hit.get().key


def test_what_is_given_back_was_not_asked_and_what_is_forgiven_begins_anew(db):
    limits.count((THREE, "a"), (THREE, "b"))
    limits.count((THREE, "a"))
    limits.give_back((THREE, "a"), (THREE, "never asked"))
    assert [limits.times(THREE, subject) for subject in ("a", "b", "never asked")] == [1, 1, 0]
    limits.forgive((THREE, "a"), (THREE, "c"))
    assert [limits.times(THREE, subject) for subject in ("a", "b")] == [0, 1]


def test_a_window_that_ended_begins_anew_and_is_forgotten(db):
    limits.count((THREE, "a"), (THREE, "b"))
    Hit.update(until=now() - SECOND).where(Hit.key == limits._key(THREE, "a")).execute()
    assert limits.times(THREE, "a") == 0 and limits.ended() == 1
    assert erasure.erase()["sessions"] == 1 and Hit.select().count() == 1
    Hit.update(until=now() - SECOND).execute()
    assert limits.count((THREE, "b"))[0].times == 1 and limits.ended() == 0


def test_a_count_that_does_not_wait_for_the_disk_makes_nothing_else_hasty(db):
    limits.count((THREE, "a"))
    if on_postgresql():
        assert database.execute_sql("SHOW synchronous_commit").fetchone() == ("on",)


@pytest.mark.parametrize("seconds, said", [(0, "1 minute"), (59, "1 minute"), (61, "2 minutes"), (5400, "90 minutes"),
                                           (5401, "2 heures"), (86_400, "24 heures")])
def test_a_time_to_wait_is_never_told_too_short(seconds, said):
    assert wait(seconds).replace("\u00a0", " ") == said


# --- By address -----------------------------------------------------------------------------------------------------

def test_one_address_may_ask_so_often_a_minute(settings):
    client = create_app(replace(settings, shared_networks="", requests_per_minute=5)).test_client()
    answers = [client.get("/aide") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert client.get("/sante").status_code == 200


@ONE_ENGINE
@pytest.mark.parametrize("path, methods, limit", BY_ADDRESS, ids=[path for path, _, _ in BY_ADDRESS])
def test_a_page_holds_its_limit_by_address(client, path, methods, limit):
    use_up(limit, HERE["REMOTE_ADDR"])
    for method in methods:
        answer = client.open(path, method=method, environ_overrides=HERE)
        assert answer.status_code == 429 and 0 < int(answer.headers["Retry-After"]) <= limit.seconds
        assert client.open(path, method=method, environ_overrides={"REMOTE_ADDR": "203.0.113.8"}).status_code != 429


@ONE_ENGINE
def test_whatever_a_stranger_may_post_has_a_limit_of_its_own(app):
    free = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in rule.methods
            and access.rule_of(app, rule.endpoint) == access.PUBLIC
            and not getattr(app.view_functions[rule.endpoint], "limits", ())}
    assert free == {"pages.deconnexion"}, "say how often, see portal/throttling.py"


@ONE_ENGINE
def test_who_asked_too_often_reads_when_to_come_again(client):
    use_up(throttling.LOG_IN, HERE["REMOTE_ADDR"])
    page = client.post("/connexion", environ_overrides=HERE)
    assert "Vous pourrez recommencer dans 1" in page.text.replace("\u00a0", " ")


@ONE_ENGINE
@pytest.mark.parametrize("path, limit", [("/communes?q=lyon", throttling.LISTS),
                                         ("/session", Limit("requests", 300, 60))])
def test_a_script_that_asked_too_often_is_answered_in_json(client, path, limit):
    log_in(client, voter=a_voter())
    use_up(limit, HERE["REMOTE_ADDR"])
    answer = client.get(path, environ_overrides=HERE)
    assert answer.status_code == 429 and 0 < answer.json["retry_after"] <= 60
    assert answer.headers["Retry-After"] == str(answer.json["retry_after"])


@ONE_ENGINE
@pytest.mark.parametrize("proxies, forwarded, counted", [
    (0, "198.51.100.1", "203.0.113.7"),                             # nobody stands before: it is a lie
    (1, "198.51.100.1, 198.51.100.2", "198.51.100.2"),              # what our own proxy saw
    (1, None, "203.0.113.7"), (2, "198.51.100.1, 198.51.100.2, 198.51.100.3", "198.51.100.2"),
    (0, "127.0.0.1", "203.0.113.7")])
def test_an_address_that_a_browser_claims_is_not_counted(settings, proxies, forwarded, counted):
    client = create_app(replace(settings, proxies=proxies)).test_client()
    use_up(throttling.LOG_IN, counted)
    answer = client.post("/connexion", headers={"X-Forwarded-For": forwarded} if forwarded else {},
                         environ_overrides=HERE)
    assert answer.status_code == 429


@ONE_ENGINE
@pytest.mark.parametrize("first, second, same", [
    ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True), ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    ("203.0.113.7", "::ffff:203.0.113.7", True), ("::ffff:203.0.113.7", "::ffff:203.0.113.8", False),
    ("", "unix:", True)])
def test_an_address_is_counted_as_those_who_have_it_can_change_it(app, first, second, same):
    seen = []
    for address in (first, second):
        with app.test_request_context(environ_overrides={"REMOTE_ADDR": address}):
            seen.append(throttling.address())
    assert (seen[0] == seen[1]) == same


def test_all_limits_of_a_request_are_one_statement(client):
    """By address and by person together: a page costs one more."""
    log_in(client, voter=a_voter())
    with count_statements() as run:
        client.post("/demande", data={"confirmer": "oui"}, environ_overrides=HERE)
    counted = [statement for statement in run if '"hit"' in statement]
    assert len(counted) == 1 and Hit.select().count() == 4


# --- By person ------------------------------------------------------------------------------------------------------

@pytest.fixture
def mandant(client):
    a_commune()
    a_scrutin()
    return Mandant(client)


def test_a_voter_files_five_requests_an_hour_and_loses_nothing_of_the_sixth(mandant):
    for _ in range(5):
        mandant.asks()
    mandant.fills(mandataire__birth_name="Marchand-Lefort")
    page = mandant.confirms()
    assert mandant.answer.status_code == 429 and Procuration.select().count() == 5
    assert 3500 < int(mandant.answer.headers["Retry-After"]) <= 3600
    assert "vous pourrez l’envoyer dans 60 minutes" in page.text.replace("\u00a0", " ")
    assert page.fields()["mandataire-birth_name"] == ["Marchand-Lefort"]
    Hit.update(count=0).execute()
    mandant.posts({**page.fields()})
    mandant.confirms()
    assert mandant.answer.status_code == 303 and Procuration.select().count() == 6


@ONE_ENGINE
def test_an_agent_exports_ten_files_an_hour_whatever_the_address(client):
    agent, colleague = an_agent(), an_agent()
    use_up(throttling.EXPORTS, f"commune {agent.id}")
    for who, status in ((agent, 429), (colleague, 200)):
        log_in(client, agent=who)
        assert client.get("/admin/procurations/export/csv/").status_code == status
        assert client.get("/admin/registre/export/csv/").status_code == status
    assert limits.times(throttling.EXPORTS, f"commune {colleague.id}") == 2


@ONE_ENGINE
def test_reading_again_is_not_filing(mandant):
    for _ in range(7):
        mandant.fills()
        assert mandant.answer.status_code == 200


@ONE_ENGINE
def test_a_voter_files_ten_requests_a_day_and_an_address_sixty_an_hour(mandant):
    mandant.fills()
    sent = {**mandant.page.fields(), "confirmer": "oui"}
    use_up(throttling.FILED[1], f"voter {mandant.row.id}")
    mandant.posts(sent)
    assert mandant.answer.status_code == 429 and int(mandant.answer.headers["Retry-After"]) > 86_000
    Hit.delete().execute()
    use_up(throttling.FILED_FROM_HERE, HERE["REMOTE_ADDR"])
    assert mandant.client.post("/demande", data=sent, environ_overrides=HERE).status_code == 429
    assert not Procuration.select().exists()
