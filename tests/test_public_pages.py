"""The pages anybody may open."""
import pytest

from models import CommuneName, Status
from portal import communes
from tests.factories import a_commune, a_procuration, an_agent, log_in
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
