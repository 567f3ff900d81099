"""The pages anybody may open."""
import datetime

import pytest

from models import CommuneName, Status, Tour, now
from portal import catalogue, communes
from portal.typography import loosen
from tests.factories import a_commune, a_procuration, a_scrutin, an_agent, log_in
from tests.statements import count_statements
from tests.voter import Mandant, Page

PAGES = ("/", "/aide", "/accessibilite", "/donnees-personnelles", "/statistiques", "/plan-du-site")


@pytest.mark.parametrize("path", PAGES)
def test_anybody_opens_it_and_everybody_logged_in_too(app, client, path):
    assert client.get(path).status_code == 200
    log_in(client, agent=an_agent())
    assert client.get(path).status_code == 200
    Mandant(client)
    assert client.get(path).status_code == 200


def test_the_start_page_says_how_and_leads_to_franceconnect(client):
    page = Page(client.get("/").text)
    button = next(tag for tag in page.all("button") if tag.get("class") == "fr-connect")
    assert " ".join(button["text"].split()) == "S’identifier avec FranceConnect"
    assert button["inside"][-2]["action"] == "/franceconnect/connexion" and button["inside"][-2]["method"] == "post"
    assert "Qu’est-ce que FranceConnect ?" in page.text and "papier" in page.text and "Trois étapes" in page.text


def test_the_start_page_leads_a_voter_on(app, client):
    page = Mandant(client).opens("/")
    assert {"/demande", "/mes-procurations"} <= {tag.get("href") for tag in page.all("a")}
    assert "fr-connect" not in {tag.get("class") for tag in page.all("button")}


def test_the_start_page_names_the_next_election_its_days_and_by_when(app, client):
    later, next_one = a_scrutin(in_days=40, name="Suivante"), a_scrutin(in_days=20, name="Prochaine")
    a_scrutin(in_days=10, name="Lointaine", opens_at=now() + datetime.timedelta(days=1))
    a_scrutin(in_days=10, name="Martiniquaise", territory="972")
    text = Page(client.get("/").text).text
    days = [tour.day for tour in next_one.tours.order_by(Tour.number)]
    said = [loosen(catalogue.day(day, "full")) for day in (*days, days[0] - datetime.timedelta(days=3))]
    assert "Prochaine élection : Prochaine" in text and all(day in text for day in said)
    assert not any(name in text for name in (later.name, "Lointaine", "Martiniquaise"))


def test_the_start_page_hurries_whoever_comes_at_the_last_moment(app, client):
    a_scrutin(in_days=1)
    assert "aujourd’hui même" in Page(client.get("/").text).text


def test_the_start_page_asks_the_database_once_in_a_while(app, client):
    assert "Prochaine élection" not in client.get("/").text
    with count_statements() as run:
        client.get("/")
    assert not run


def test_somebody_sent_to_log_in_is_told_why(client):
    told = "20 minutes sans activité"
    assert told in Page(client.get("/demande", follow_redirects=True).text).text
    assert told not in Page(client.get("/").text).text


@pytest.mark.parametrize("path", PAGES)
def test_every_link_of_a_page_leads_somewhere(app, client, path):
    Mandant(client)
    pages = {path: Page(client.get(path).text)}
    for address in [tag["href"] for tag in pages[path].all("a") if tag["href"].startswith(("/", "#"))]:
        target, _, anchor = address.partition("#")
        target = target or path
        if target not in pages:
            answer = client.get(target)
            assert answer.status_code == 200, address
            pages[target] = Page(answer.text)
        assert not anchor or anchor in {tag.get("id") for tag in pages[target].tags}, address


def test_the_plan_of_the_site_holds_every_page_of_the_voter(client):
    linked = {tag.get("href") for tag in Page(client.get("/plan-du-site").text).all("a")}
    assert {*PAGES, "/demande", "/mes-procurations", "/mes-procurations/retrouver", "/mes-donnees",
            "/connexion"} <= linked


def test_accessibility_is_stated_honestly(client):
    assert "non conforme" in Page(client.get("/accessibilite").text).text


def test_statistics_count_files_and_name_nobody(app, client):
    files = [a_procuration(), a_procuration(), a_procuration(Status.VALIDEE)]
    page = Page(client.get("/statistiques").text)
    counted = dict([cell["text"] for cell in page.within(row, "th", "td")][:2] for row in page.all("tr")[1:])
    assert (counted["Déposée : à présenter"], counted["Validée"], counted["Total"]) == ("2", "1", "3")
    assert not any(file.mandataire.birth_name in page.text or file.commune.name in page.text for file in files)


def test_statistics_are_counted_once_in_a_while(app, client):
    client.get("/statistiques")
    with count_statements() as run:
        client.get("/statistiques")
    assert not run


# --- /communes ------------------------------------------------------------------------------------------------------

def asked(client, text):
    return client.get("/communes", query_string={"q": text})


def test_communes_are_suggested_with_their_unique_label(app, client):
    a_commune(), a_commune("46260"), a_commune("69189")
    assert asked(client, "ly").json == [{"label": "Lyon (69)"}]
    assert {row["label"] for row in asked(client, "sainte c").json} == {"Sainte-Colombe (46)", "Sainte-Colombe (69)"}


def test_an_old_name_is_suggested_with_a_note(app, client):
    a_commune()
    CommuneName.create(commune="69123", name="Vaise", key=communes.name_key("Vaise"), kind="deleguee", code="69999")
    assert asked(client, "vai").json == [{"label": "Lyon (69)", "note": "Vaise, commune déléguée, en fait partie"}]


@pytest.mark.parametrize("text", ["", "l", "a" * 10_000, "\x00", "Ly\u202eon", "%", "_", "' OR 1=1", "<script>"])
def test_whatever_is_typed_gets_a_list(app, client, text):
    a_commune()
    answer = asked(client, text)
    assert answer.status_code == 200 and answer.json == []


def test_a_question_without_text_or_asked_twice_gets_a_list(app, client):
    a_commune()
    assert client.get("/communes").json == []
    assert client.get("/communes?q=ly&q=xx").json == [{"label": "Lyon (69)"}]


def test_the_list_may_be_kept_by_browsers(app, client):
    a_commune()
    Mandant(client)
    answer = asked(client, "ly")
    assert answer.cache_control.public and answer.cache_control.max_age
    assert "Set-Cookie" not in answer.headers
    again = client.get("/communes?q=ly", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_a_suggestion_costs_one_statement(app, client):
    a_commune()
    with count_statements() as run:
        asked(client, "ly")
    assert len(run) == 1
