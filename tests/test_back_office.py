"""The town hall's and the ministry's screens, as people use them, without any script."""
import csv
import datetime
import html
import io
import re
from dataclasses import replace
from pathlib import Path

import flask_admin
import pytest
from babel.messages.pofile import read_po

from admin_views import base, commune, export, paging, policy
from admin_views import ministry as ministry_module
from app import create_app
from models import (Agent, Commune, CommuneName, Event, Mail, Personne, Procuration, Role, Rules, SavedSearch, Scrutin,
                    SingleUse, Status, Tour, TourDay, WebSession, now)
from portal import access, accounts, outbox, procedure
from portal.access import RouteWithoutAccess
from portal.catalogue import FOLDER
from portal.communes import name_key
from portal.settings import active
from tests.factories import (a_commune, a_demande, a_mandataire, a_procuration, a_scrutin, a_voter, an_agent,
                             an_officer, fresh, log_in)
from tests.lint import Page
from tests.statements import count_statements

GRID = "/admin/procurations/"
NEVER_SHOWN = {  # Flask-Admin's names of templates that none of our views renders, and that do not exist
    "admin/model/modals/create.html", "admin/model/modals/details.html", "admin/model/modals/edit.html"}
SHOW_THE_MAIL = "Voir le courriel avant d’invalider"


class Desk:
    """An agent in front of the screen; `page` is the last answer."""

    def __init__(self, app, agent):
        self.agent, self.client = agent, app.test_client()
        log_in(self.client, agent=agent)

    def opens(self, path, **query):
        self.page = self.client.get(path, query_string=query or None, follow_redirects=True)
        return self

    def presses(self, button, follow=True, **fields):
        """Send the form of a button as a browser does; `fields` are what was typed or ticked."""
        form, sent = self.form(button)
        action = form.get("action") or self.page.request.full_path.rstrip("?")
        self.page = self.client.open(action, method=form.get("method", "get").upper(), follow_redirects=follow,
                                     **{"query_string" if form.get("method") == "get" else "data": {**sent, **fields}})
        return self

    def form(self, button):
        page = Page(self.text)
        for form in page.all("form"):
            for tag in page.within(form, "button"):
                if tag["text"].strip() == button:
                    pressed = {tag["control"]: tag["value"]} if tag["control"] else {}
                    return form, {**self.values(page, form), **pressed}
        raise AssertionError(f"no button “{button}” on {self.title}")

    @staticmethod
    def values(page, form):
        sent = {tag["control"]: tag.get("value") or "" for tag in page.within(form, "input")
                if tag.get("type") not in ("checkbox", "radio") or "checked" in tag}
        for select in page.within(form, "select"):
            options = page.within(select, "option")
            chosen = [option["value"] for option in options if "selected" in option] or [options[0]["value"]]
            sent[select["control"]] = chosen[0]
        return {**sent, **{tag["control"]: tag["text"].strip() for tag in page.within(form, "textarea")}}

    def follows(self, link):
        page = Page(self.text)
        found = [tag["href"] for tag in page.all("a") if tag["text"].strip().startswith(link)]
        assert found, f"no link “{link}” on {self.title}"
        return self.opens(found[0])

    @property
    def text(self):
        return self.page.get_data(as_text=True)

    @property
    def title(self):
        return " ".join(re.search("<title>(.*?)</title>", self.text, re.S)[1].split()).removesuffix(" – Maprocuration")

    @property
    def said(self):
        """The text of the page, its spaces tidied."""
        return " ".join(re.sub("<[^>]+>", " ", self.text).split())

    @property
    def rows(self):
        """The ids of the rows of a grid, in order."""
        return [int(id) for id in re.findall(r'<th scope="row".*?details/\?id=(\d+)["&]', self.text)]


@pytest.fixture
def desk(app):
    return Desk(app, an_agent(Role.COMMUNE, a_commune(), first_name="Alix", last_name="Moreau"))


@pytest.fixture
def ministry(app):
    return Desk(app, an_agent(Role.MINISTRY))


def several(count, status="etablie", **columns):
    scrutin, officer = a_scrutin(), an_officer()
    agent = an_agent(Role.COMMUNE)
    return [a_procuration(status, scrutin=scrutin, officer=officer, agent=agent, **columns) for _ in range(count)]


# --- The town hall's grid -------------------------------------------------------------------------------------------

def test_the_menu_opens_what_waits_and_all_states_are_a_link_away(desk):
    waiting, decided = a_procuration("etablie"), a_procuration("validee")
    assert set(desk.opens(GRID).rows) == {waiting.id, decided.id}
    assert "À vérifier 1 " in desk.said and desk.title == "Procurations : 2"
    assert desk.follows("À vérifier").rows == [waiting.id] and desk.title == "Procurations à vérifier : 1"
    assert desk.follows("Procurations").rows == [waiting.id]


def test_the_grid_shows_who_for_when_and_says_where_the_mandataire_cannot_vote(desk):
    mandataire = a_mandataire(birth_name="Lefèvre", first_names="Jo")
    file = a_procuration("etablie", voter=a_voter(birth_name="Ozanne", used_name="Weil"), mandataire=mandataire)
    beyond = a_procuration("etablie", mandataire=mandataire, scrutin=file.scrutin)
    desk.opens(GRID)
    assert desk.rows == [file.id, beyond.id]
    for shown in ("Ozanne (nom d’usage Weil)", "née le 17 mai 1980", "Lefèvre", "Jo", file.scrutin.name,
                  "1er et 2d tours, jusqu’au", "arrivée aujourd’hui", "Sans place : plafond du mandataire atteint"):
        assert shown in desk.said
    assert desk.said.count("Sans place :") == 1


def test_a_period_is_shown_by_its_last_day(desk):
    scrutin, until = a_scrutin(), datetime.date(now().year + 1, 3, 7)
    asked = replace(a_demande(scrutin), scrutin=None, tours=[], valid_until=until)
    period = procedure.deposer(asked, a_voter())
    procedure.etablir(period, an_officer())
    desk.opens(GRID)
    assert f"Toutes les élections jusqu’au 7 mars {until.year}" in desk.said and desk.rows == [period.id]
    assert desk.opens(GRID, flt_tour=scrutin.tours.first().id).rows == [period.id]


def test_requests_nobody_established_and_other_towns_are_not_there(desk):
    a_procuration("deposee")
    a_procuration("etablie", commune=a_commune("75056"))
    assert desk.opens(GRID).rows == []
    assert "Aucune procuration n’est encore établie" in desk.said


@pytest.mark.parametrize("typed, found", [
    ("oza", True), ("OZANNE", True), ("sél", True), ("sel oza", True), ("Ozanne-Durand", True), ("petit", False),
    ("zanne", False), ("oza petit", False), ("' OR 1=1 --", False), ("O\x00zanne", False), ("o" * 5000, False),
    ("%", None), ("_", None)])
def test_a_search_by_the_beginning_of_any_word_of_any_name(desk, typed, found):
    file = a_procuration("etablie", voter=a_voter(birth_name="Ozanne-Durand", first_names="Sélène"),
                         mandataire=a_mandataire(birth_name="Qin", first_names="Wu"))
    other = a_procuration("etablie", voter=a_voter(birth_name="Abel", first_names="Bo"),
                          mandataire=a_mandataire(birth_name="Cyr", first_names="Dé"))
    desk.opens(GRID).presses("Rechercher", words=typed)
    assert desk.page.status_code == 200
    assert desk.rows == {True: [file.id], False: [], None: [file.id, other.id]}[found]


def test_no_name_stands_in_an_address_and_the_search_survives_paging_and_filters(desk):
    a_procuration("etablie", voter=a_voter(birth_name="Ozanne"))
    desk.opens(GRID).presses("Rechercher", words="ozanne")
    assert "ozanne" not in desk.page.request.url.lower()
    assert re.search(r"recherche=[\w-]{22}", desk.page.request.url)
    desk.presses("Filtrer", flt_status="validee")
    assert desk.rows == [] and "recherche=" in desk.page.request.url
    assert SavedSearch.select().count() == 1
    desk.client.post("/deconnexion", data=desk.form("Se déconnecter")[1])
    assert SavedSearch.select().count() == 0


def test_filters_by_state_tour_and_local_day(desk):
    first, second = a_procuration("etablie"), a_procuration("validee")
    tour = first.scrutin.tours.first()
    assert desk.opens(GRID, flt_status="validee").rows == [second.id]
    assert desk.opens(GRID, flt_tour=tour.id).rows == [first.id]
    today = now().astimezone(commune.ZoneInfo("Europe/Paris")).date()
    assert desk.opens(GRID, flt_day=today).rows == [first.id, second.id]
    assert desk.opens(GRID, flt_day=today - datetime.timedelta(days=1)).rows == []
    assert desk.presses("Filtrer", flt_day="", flt_status="etablie").rows == [first.id]


@pytest.mark.parametrize("query", [
    {"flt_status": "deposee"}, {"flt_status": "x' OR 1=1"}, {"flt_tour": "999999"}, {"flt_day": "31/02"},
    {"flt_day": "26-1-1"}, {"after": "x"}, {"after": ""}, {"before": "é"}, {"after": "W10"}, {"after": "W1tbW1tb" * 40},
    {"after": "WzEsMl0"}, {"after": "WyIyMDI2LTAxLTAxIiwxXQ"}])
def test_garbled_filters_and_cursors_are_bad_requests(desk, query):
    assert desk.opens(GRID, **query).page.status_code == 400


@pytest.mark.parametrize("query", [
    {"page": -1}, {"page": "x"}, {"page": 10 ** 30}, {"sort": 3}, {"sort": -1}, {"page_size": 10 ** 9},
    {"search": "%"}, {"flt_status": ""}, {"flt0_0": "x"}])
def test_what_the_grid_does_not_know_changes_nothing(desk, query):
    file = a_procuration("etablie")
    assert desk.opens(GRID, **query).rows == [file.id]


def test_pages_by_position_are_complete_both_ways_even_with_ties(desk, monkeypatch):
    files = several(7)
    same_instant = Procuration.id.in_([file.id for file in files[1:5]])
    Procuration.update(established_at=files[0].established_at).where(same_instant).execute()
    monkeypatch.setattr(commune.ProcurationView, "page_size", 2)
    expected = [row.id for row in Procuration.select().order_by(Procuration.established_at, Procuration.id)]
    seen = [desk.opens(GRID).rows]
    while "Suivants" in desk.text:
        seen.append(desk.follows("Suivants").rows)
    assert sum(seen, []) == expected and len(seen) == 4
    back = [seen[-1]]
    while "Précédents" in desk.text:
        back.insert(0, desk.follows("Précédents").rows)
    assert sum(back, []) == expected
    assert desk.follows("Suivants").follows("2 premiers").rows == expected[:2]


@pytest.mark.parametrize("path", [GRID, GRID + "?flt_status=etablie"])
def test_the_grid_takes_as_many_statements_with_3_rows_as_with_30(desk, path):
    several(3)
    with count_statements() as few:
        desk.opens(path)
    several(27)
    with count_statements() as many:
        desk.opens(path)
    assert len(desk.rows) == 30
    assert len(few) == len(many) <= 9


def test_a_search_takes_no_more_statements_than_the_grid_may(desk):
    several(3)
    desk.opens(GRID).presses("Rechercher", words="durand")
    with count_statements() as run:
        desk.opens(desk.page.request.full_path)
    assert desk.rows and len(run) <= 10


def test_a_page_of_identities_is_one_consultation(desk):
    files = several(3)
    before = Event.select().count()
    desk.opens(GRID)
    event = Event.select().order_by(Event.id.desc()).get()
    assert Event.select().count() == before + 1
    assert (event.act, event.actor) == ("consulter", desk.agent.id)
    assert event.subjects.split() == [str(file.id) for file in files]


def test_the_count_of_what_waits_stops_at_its_cap(desk, monkeypatch):
    several(3)
    monkeypatch.setattr(commune, "MOST_COUNTED", 2)
    monkeypatch.setattr(base, "MOST_COUNTED", 2)
    assert desk.opens(GRID).title == "Procurations : plus de 2" and "À vérifier plus de 2" in desk.said


def test_a_result_says_which_name_answered(desk):
    a_procuration("etablie", voter=a_voter(birth_name="Abel"), mandataire=a_mandataire(birth_name="L’Échantillon-Roy"))
    desk.opens(GRID).presses("Rechercher", words="echan abe")
    assert re.findall("<mark>(.*?)</mark>", desk.text) == ["Abel", "Échantillon"]
    assert "<mark>" not in desk.opens(GRID).text


def test_a_search_that_finds_nothing_says_how_to_look_wider(desk):
    decided = a_procuration("validee", voter=a_voter(birth_name="Ozanne"))
    desk.opens(GRID, flt_status="etablie").presses("Rechercher", words="ozan")
    assert desk.rows == [] and desk.follows("Voir la procuration trouvée parmi toutes").rows == [decided.id]
    desk.presses("Rechercher", words="inconnue")
    assert "Aucun nom ne commence par « inconnue »" in desk.said and "seulement le début du nom" in desk.said


def test_a_search_within_a_filter_says_so(desk):
    several(2)
    a_procuration("validee", voter=a_voter(birth_name="Durand-autre"))
    desk.opens(GRID, flt_status="etablie").presses("Rechercher", words="durand")
    assert len(desk.rows) == 2 and len(desk.follows("Chercher parmi toutes").rows) == 3


def test_what_restricts_the_list_is_taken_away_one_by_one(desk):
    file = a_procuration("etablie")
    tour = file.scrutin.tours.order_by(Tour.number).first()
    desk.opens(GRID, flt_status="etablie", flt_tour=tour.id).presses("Rechercher", words="durand")
    assert f"Tour : {file.scrutin.name}, 1er tour" in desk.said
    desk.follows("« durand »")
    assert "recherche=" not in desk.page.request.url and f"flt_tour={tour.id}" in desk.page.request.url
    desk.follows("Tour :")
    assert desk.page.request.args.to_dict() == {"flt_status": "etablie"}


def test_files_whose_mandataire_cannot_vote_are_a_list(desk):
    mandataire, scrutin = a_mandataire(), a_scrutin()
    a_procuration("etablie", mandataire=mandataire, scrutin=scrutin)
    beyond = a_procuration("etablie", mandataire=mandataire, scrutin=scrutin)
    assert desk.opens(GRID, flt_place="sans").rows == [beyond.id]


def test_a_mandant_who_gave_the_vote_before_is_told_from_a_ceiling(desk):
    voter, scrutin = a_voter(), a_scrutin()
    first = procedure.deposer(a_demande(scrutin), voter)
    second = procedure.deposer(a_demande(scrutin), a_voter(birth_name=voter.birth_name, sub="autre"))
    for file in (first, second):
        procedure.etablir(file, an_officer())
    assert "Sans place : le mandant avait déjà donné procuration" in desk.opens(GRID).said
    desk.opens(GRID + f"details/?id={second.id}").follows("Invalider…")
    assert 'value="acte_anterieur" checked' in desk.text


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 30, "²"])
def test_the_number_of_a_page_is_for_the_title_only(desk, monkeypatch, page):
    files = several(3)
    monkeypatch.setattr(commune.ProcurationView, "page_size", 2)
    assert desk.opens(GRID).follows("Suivants").title == "Procurations : 3, page 2" and desk.rows == [files[2].id]
    after = desk.page.request.args["after"]
    assert desk.opens(GRID, after=after, page=page).title == "Procurations : 3" and desk.rows == [files[2].id]


def test_back_to_the_list_is_back_to_where_one_was(desk, monkeypatch):
    files = several(5)
    monkeypatch.setattr(commune.ProcurationView, "page_size", 2)
    desk.opens(GRID, flt_status="etablie").presses("Rechercher", words="durand").follows("Suivants")
    here, shown = desk.page.request.args.to_dict(), desk.rows
    assert shown == [file.id for file in files[2:4]]
    desk.follows(files[2].mandant.birth_name).follows("Invalider…").follows("Ne rien changer")
    desk.follows("Revenir à la liste")
    assert (desk.page.request.args.to_dict(), desk.rows) == (here, shown)


def test_the_next_file_is_the_next_of_the_same_list(desk):
    first, second, third = several(3)
    Personne.update(birth_name="Ozanne").where(Personne.procuration.in_([first, third])).execute()
    tour = third.scrutin.tours.first()
    other = a_procuration("etablie")
    desk.opens(GRID, flt_status="etablie", flt_tour=tour.id).follows("Ozanne").presses("Valider")
    assert desk.title == f"Procuration n° {second.id}" and f"flt_tour={tour.id}" in desk.page.request.url
    desk.presses("Valider").presses("Valider")
    assert desk.title == f"Procuration n° {other.id}"      # nothing is left there: the oldest of the queue


# --- One file, and the decision -------------------------------------------------------------------------------------

def test_one_file_on_one_screen(desk):
    file = a_procuration("etablie", voter=a_voter(birth_name="Ozanne"), mandataire=a_mandataire(birth_name="Qin"))
    desk.opens(GRID).follows("Ozanne")
    assert desk.title == f"Procuration n° {file.id}"
    for shown in ("Ozanne", "Qin", "brigadier-chef, APJ", "Lyon", "1er tour : le mandataire peut voter",
                  "Valider pour : 1er tour, le", "2d tour", "Demande déposée", "Procuration établie", "Invalider…"):
        assert shown in desk.said
    event = Event.select().order_by(Event.id.desc()).get()
    assert (event.act, event.subjects) == ("consulter", str(file.id))


def test_the_page_that_confirms_an_act_is_a_consultation_too(desk):
    file = a_procuration("validee")
    before = Event.select().count()
    desk.opens(f"{GRID}reprendre/", id=file.id)
    event = Event.select().order_by(Event.id.desc()).get()
    assert file.mandataire.birth_name in desk.said and Event.select().count() == before + 1
    assert (event.act, event.subjects) == ("consulter", str(file.id))


def test_days_are_those_of_the_town(app):
    town = a_commune("97209")
    file = a_procuration("etablie", commune=town)
    tour = file.scrutin.tours.order_by(Tour.number).first()
    for territory, day in (("FR", 3), ("972", 6), ("97209", 7)):
        TourDay.create(tour=tour, territory=territory, day=datetime.date(2027, 6, day))
    desk = Desk(app, an_agent(Role.COMMUNE, town)).opens(GRID + f"details/?id={file.id}")
    assert "le 7 juin 2027" in desk.said and "le 3 juin" not in desk.said


def test_validating_tells_so_and_opens_the_next_file(desk):
    first, second = several(2)
    desk.opens(GRID + f"details/?id={first.id}").presses("Valider")
    assert fresh(first).status == Status.VALIDEE
    assert desk.title == f"Procuration n° {second.id}"
    assert f"La procuration n° {first.id} est validée" in desk.said
    desk.presses("Valider")
    assert "Il n’y en a plus à vérifier" in desk.said and desk.page.request.path == GRID


def test_the_neighbours_of_a_file_are_those_that_wait(desk):
    first, second, third = several(3)
    procedure.valider(fresh(second), desk.agent)
    desk.opens(GRID, flt_status="etablie").follows(first.mandant.birth_name)
    assert "Précédente" not in desk.said
    assert desk.follows("Suivante").title == f"Procuration n° {third.id}"
    assert desk.follows("Précédente").title == f"Procuration n° {first.id}"
    desk.opens(GRID).follows(first.mandant.birth_name)
    assert desk.follows("Suivante").title == f"Procuration n° {second.id}"


def test_who_is_slower_is_told_who_won(app, desk):
    file = a_procuration("etablie")
    desk.opens(GRID + f"details/?id={file.id}")
    rival = an_agent(Role.MANAGER, file.commune, first_name="Noé", last_name="Leroux")
    procedure.invalider(fresh(file), rival, "mandant_non_inscrit")
    desk.presses("Valider")
    assert desk.page.status_code == 409
    assert "Noé Leroux" in desk.said and "Procuration invalidée par la mairie" in desk.said
    assert fresh(file).status == Status.INVALIDEE
    desk.opens(GRID + f"invalider/?id={file.id}")
    assert desk.page.status_code == 409 and "Noé Leroux" in desk.said


def test_invalidating_asks_why_shows_the_mail_then_acts(desk):
    file = a_procuration("etablie")
    desk.opens(GRID + f"details/?id={file.id}").follows("Invalider…").presses(SHOW_THE_MAIL)
    assert desk.page.status_code == 422 and "Choisissez un motif dans la liste" in desk.said
    desk.presses(SHOW_THE_MAIL, reason="mandant_non_inscrit", comment="Votez à\nVilleurbanne.")
    assert "Objet " in desk.said and "Villeurbanne" in desk.said and fresh(file).status == Status.ETABLIE
    letter = re.search(r'<pre class="letter">(.*?)</pre>', desk.text, re.S)[1]
    desk.presses("Invalider")
    mail = Mail.get(Mail.name == "invalidee")
    assert fresh(file).status == Status.INVALIDEE
    assert outbox.render("invalidee", mail.context).text.split() == html.unescape(letter).split()


def test_the_preview_gives_back_what_was_typed(desk):
    file = a_procuration("etablie")
    desk.opens(GRID + f"invalider/?id={file.id}")
    desk.presses(SHOW_THE_MAIL, reason="duree_illegale", comment="Trop long.")
    desk.presses("Modifier")
    assert 'value="duree_illegale" checked' in desk.text and "Trop long." in desk.text
    assert fresh(file).status == Status.ETABLIE


@pytest.mark.parametrize("fields, sentence", [
    ({"reason": "pour_rire"}, "Choisissez un motif"), ({"reason": "autre"}, "Dites quel est cet autre motif"),
    ({"reason": "autre", "comment": "a" * 10_000}, "1000 caractères au plus"),
    ({"reason": "autre", "comment": "a\x00b"}, "caractères invisibles"),
    ({"reason": "autre", "comment": "a\u202eb"}, "caractères invisibles")])
def test_bad_reasons_are_told_at_the_field(desk, fields, sentence):
    file = a_procuration("etablie")
    desk.opens(GRID + f"invalider/?id={file.id}").presses(SHOW_THE_MAIL, **fields)
    assert desk.page.status_code == 422 and sentence in desk.said and desk.title.startswith("Erreur : ")
    assert fresh(file).status == Status.ETABLIE


def test_the_ceiling_is_no_reason_where_a_place_is_held(desk):
    file = a_procuration("etablie")
    desk.opens(GRID + f"invalider/?id={file.id}")
    desk.presses(SHOW_THE_MAIL, reason="plafond_atteint").presses("Invalider")
    assert desk.page.status_code == 409 and "n’est pas un motif" in desk.said
    assert fresh(file).status == Status.ETABLIE


def test_each_reason_says_what_it_means_and_the_ceiling_is_not_offered_where_it_cannot_be(desk):
    file = a_procuration("etablie")
    desk.opens(GRID + f"invalider/?id={file.id}")
    assert "Vous ne le trouvez pas sur votre liste électorale" in desk.said
    assert 'value="plafond_atteint" disabled' in desk.text and "le mandataire a encore une place" in desk.said
    assert " checked" not in desk.text


def test_a_death_is_annulled_and_the_mandant_told(desk):
    file = a_procuration("validee")
    desk.opens(GRID + f"details/?id={file.id}").follows("Annuler, après un décès")
    desk.presses("Voir le courriel avant d’annuler", reason="deces_du_mandataire")
    assert "définitive" in desk.said and fresh(file).status == Status.VALIDEE
    desk.presses("Annuler la procuration")
    assert fresh(file).status == Status.ANNULEE and Mail.get(Mail.name == "annulee")
    assert f"La procuration n° {file.id} est annulée. Un courriel part vers le mandant." in desk.said
    assert "Il n’y a plus rien à décider" in desk.said


@pytest.mark.parametrize("status", ["validee", "invalidee"])
def test_a_decision_is_taken_back_on_a_page_that_shows_the_mail(desk, status):
    file = a_procuration(status)
    desk.opens(GRID + f"details/?id={file.id}").follows("Reprendre l’examen…")
    assert "Objet " in desk.said and fresh(file).status == status
    desk.presses("Reprendre l’examen")
    assert fresh(file).status == Status.ETABLIE and desk.title == f"Procuration n° {file.id}"
    assert "est de nouveau à vérifier" in desk.said and "Valider pour :" in desk.said


@pytest.mark.parametrize("status, act", [("etablie", "reprendre"), ("invalidee", "annuler"), ("validee", "invalider"),
                                         ("annulee", "reprendre"), ("resiliee", "annuler")])
def test_an_act_that_the_state_does_not_allow_is_told(desk, status, act):
    file = a_procuration(status)
    desk.opens(GRID + f"{act}/?id={file.id}")
    assert desk.page.status_code == 409 and fresh(file).status == status


@pytest.mark.parametrize("status, said", [
    ("etablie", "Vérifier, puis décider"), ("validee", "Une erreur ? Reprenez l’examen"),
    ("invalidee", "si une place est encore libre"), ("annulee", "une annulation est définitive"),
    ("resiliee", "le mandant a repris son vote")])
def test_each_state_says_what_can_be_done_or_why_nothing_can(desk, status, said):
    assert said in desk.opens(GRID + f"details/?id={a_procuration(status).id}").said


def test_a_mandant_without_an_address_is_to_be_told_by_letter(desk):
    file = a_procuration("etablie", email=None)
    desk.opens(GRID + f"details/?id={file.id}")
    assert "prévenez-le par lettre" in desk.said
    desk.presses("Valider")
    assert "validée. Le mandant n’a pas donné d’adresse : prévenez-le par lettre." in desk.said


def test_a_file_takes_as_many_statements_in_a_long_list_as_in_a_short_one(desk):
    file, *_ = several(3)
    where = GRID + f"details/?id={file.id}&flt_status=etablie"
    with count_statements() as few:
        desk.opens(where)
    several(20)
    with count_statements() as many:
        desk.opens(where)
    assert len(few) == len(many) <= 24


def test_a_file_without_a_place_cannot_be_validated(desk):
    mandataire = a_mandataire()
    scrutin = a_scrutin()
    a_procuration("etablie", mandataire=mandataire, scrutin=scrutin)
    beyond = a_procuration("etablie", mandataire=mandataire, scrutin=scrutin)
    desk.opens(GRID + f"details/?id={beyond.id}")
    assert "ne peut pas être validée" in desk.said
    with pytest.raises(AssertionError):
        desk.form("Valider")


@pytest.mark.parametrize("id", ["abc", "-1", "9" * 30, "9" * 18, "1\x00", "", "1e3", "²", "0x1"])
def test_ids_no_row_can_have_are_not_found(desk, id):
    a_procuration("etablie")
    token = desk.opens(GRID).form("Se déconnecter")[1]["csrf_token"]
    for path in ("details/", "invalider/"):
        assert desk.opens(GRID + path, id=id).page.status_code == 404
    for path in ("valider/", "invalider/"):
        answer = desk.client.post(GRID + path, data={"id": id, "version": "0", "csrf_token": token})
        assert answer.status_code == 404


def test_two_ids_are_none(desk):
    file = a_procuration("etablie")
    assert desk.client.get(GRID + f"details/?id={file.id}&id={file.id}").status_code == 404


@pytest.mark.parametrize("version", ["", "abc", "-1", "9" * 30, "7"])
def test_a_forged_version_decides_nothing(desk, version):
    file = a_procuration("etablie")
    desk.opens(GRID + f"details/?id={file.id}").presses("Valider", version=version)
    assert desk.page.status_code == 409 and fresh(file).status == Status.ETABLIE


# --- Several at once ------------------------------------------------------------------------------------------------

def test_several_are_confirmed_on_a_page_then_reported_one_by_one(desk):
    files = several(3)
    desk.opens(GRID).presses("Valider la sélection…", rowid=[files[0].id, files[1].id])
    assert desk.title == "Valider" and fresh(files[0]).status == Status.ETABLIE
    rival = an_agent(Role.COMMUNE, files[0].commune, first_name="Noé", last_name="Leroux")
    procedure.invalider(fresh(files[1]), rival, "mandant_non_inscrit")
    confirm(desk)
    assert desk.title == "Valider : compte rendu" and "Fait pour 1 sur 2" in desk.said
    assert "Noé Leroux" in desk.said
    assert [fresh(file).status for file in files] == [Status.VALIDEE, Status.INVALIDEE, Status.ETABLIE]


def confirm(desk):
    """Press the one button of a confirmation, with its lists of rows."""
    page = Page(desk.text)
    inputs = [(tag["control"], tag["value"]) for tag in page.all("input")]
    fields = {name: [value for control, value in inputs if control == name] for name in ("rowid", "seen")}
    desk.presses("Valider" if "Valider" in desk.title else desk.title, **fields)


def test_nothing_chosen_is_told(desk):
    several(1)
    assert "Aucune ligne n’est choisie" in desk.opens(GRID).presses("Valider la sélection…").said


def test_an_act_on_too_many_rows_is_refused(desk):
    several(1)
    assert desk.opens(GRID).presses("Valider la sélection…", rowid=list(range(1, 203))).page.status_code == 413


@pytest.mark.parametrize("action", ["delete", "supprimer", "renvoyer", "", "__class__"])
def test_acts_that_the_view_does_not_offer_are_not_found(desk, action):
    file, = several(1)
    token = desk.opens(GRID).form("Se déconnecter")[1]["csrf_token"]
    answer = desk.client.post(GRID + "action/", data={"action": action, "rowid": file.id, "csrf_token": token})
    assert answer.status_code == 404 and fresh(file)


# --- The file for spreadsheets --------------------------------------------------------------------------------------

def exported(desk, **query):
    answer = desk.opens(GRID + "export/csv/", **query).page
    assert answer.mimetype == "text/csv" and answer.data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))


def test_the_export_is_what_the_grid_shows_without_formulas_and_is_traced(desk, monkeypatch):
    monkeypatch.setattr("admin_views.export.CHUNK", 2)
    files = [a_procuration("etablie", voter=a_voter(birth_name=name)) for name in ("Abel", "Bru", "Cyr")]
    for name, file in zip(("=HYPERLINK(\"x\")", "@SUM(1)", " +33 6"), files):
        Personne.update(birth_name=name).where(Personne.procuration == file, Personne.role == "mandant").execute()
    a_procuration("validee")
    titles, *rows = exported(desk, flt_status="etablie")
    assert titles[0] == "Numéro" and "Mandant : nom de naissance" in titles
    assert [row[0] for row in rows] == [str(file.id) for file in files]
    assert [row[1] for row in rows] == ["'=HYPERLINK(\"x\")", "'@SUM(1)", "' +33 6"]
    event = Event.get(Event.act == "exporter")
    assert event.subjects.split() == [str(file.id) for file in files]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r1", " =1", "\n=1", "\u2007@a", "\u2003 -1"])
def test_no_cell_begins_a_formula(text):
    assert export.safe(text) == "'" + text
    assert export.safe("D" + text) == "D" + text


def test_the_export_has_a_cap(desk, monkeypatch):
    several(3)
    monkeypatch.setattr(base, "MOST_EXPORTED", 2)
    assert len(exported(desk)) == 3


def test_the_export_takes_as_many_statements_with_3_rows_as_with_30(desk):
    several(3)
    with count_statements() as few:
        exported(desk)
    several(27)
    with count_statements() as many:
        assert len(exported(desk)) == 31
    assert len(few) == len(many)


@pytest.mark.parametrize("kind", ["xlsx", "json", "html"])
def test_no_other_export_exists(desk, kind):
    assert desk.opens(GRID + f"export/{kind}/").page.status_code == 404


# --- The first page -------------------------------------------------------------------------------------------------

def test_a_town_hall_first_sees_what_waits_and_how_long_is_left(app, desk):
    mandataire, scrutin = a_mandataire(), a_scrutin(in_days=10)
    oldest = a_procuration("etablie", mandataire=mandataire, scrutin=scrutin)
    a_procuration("etablie", mandataire=mandataire, scrutin=scrutin)
    desk.opens("/admin/")
    assert desk.title == "Accueil : Lyon (69)"
    for shown in ("À vérifier 2", "À regarder de près 1", "Dans 10 jours", scrutin.name, "aujourd’hui 0"):
        assert shown in desk.said
    assert desk.follows("Ouvrir la plus ancienne").title == f"Procuration n° {oldest.id}"
    desk.presses("Valider").opens("/admin/")
    assert "À vérifier 1" in desk.said and "aujourd’hui 1" in desk.said
    assert desk.presses("Rechercher", words="durand").page.request.path == GRID


def test_the_first_page_is_calm_where_nothing_waits(desk):
    desk.opens("/admin/")
    assert "Il n’y a plus rien à vérifier" in desk.said and "Aucun scrutin n’est prévu" in desk.said


def test_the_ministry_first_sees_whether_everything_leaves(ministry):
    assert "Aucun tour n’est prévu" in ministry.opens("/admin/").said
    a_procuration("deposee")
    Mail.update(state="dead").execute()
    ministry.opens("/admin/")
    assert "Courriels en peine 1 Abandonnés : 1" in ministry.said
    assert ministry.follows("Les voir et les renvoyer").title == "Courriels : 1"


def test_an_officer_begins_at_the_counter(app):
    assert Desk(app, an_officer()).opens("/admin/").page.request.path == "/admin/guichet/"


@pytest.mark.parametrize("role", [Role.COMMUNE, Role.MINISTRY])
def test_the_first_page_takes_as_many_statements_with_3_files_as_with_30(app, role):
    desk = Desk(app, an_agent(role))
    several(3)
    with count_statements() as few:
        desk.opens("/admin/")
    several(27)
    with count_statements() as many:
        desk.opens("/admin/")
    assert len(few) == len(many) <= 10


# --- The ministry ---------------------------------------------------------------------------------------------------

def test_the_ministry_opens_no_identity_of_a_voter(ministry):
    a_procuration("etablie", voter=a_voter(birth_name="Ozanne", email="ozanne@exemple.fr"))
    for view in ("scrutins", "tours", "regles", "communes", "agents", "courriels", "journal"):
        ministry.opens(f"/admin/{view}/")
        assert ministry.page.status_code == 200 and "ozanne" not in ministry.text.lower()
        for link in re.findall(rf'/admin/{view}/details/\?id=\w+', ministry.text):
            assert "ozanne" not in ministry.opens(link).text.lower()
    assert ministry.opens(GRID).page.status_code == 404


def test_a_scrutin_and_its_tours_are_typed_in(ministry):
    ministry.opens("/admin/scrutins/").follows("Nouveau scrutin")
    ministry.presses("Enregistrer", name="Municipales", territory="FR", opens_at="2026-01-05T08:00")
    scrutin = Scrutin.get(Scrutin.name == "Municipales")
    assert scrutin.opens_at == datetime.datetime(2026, 1, 5, 7, tzinfo=datetime.timezone.utc)    # Paris
    ministry.opens("/admin/tours/new/").presses("Enregistrer", scrutin=scrutin.id, number=1, day="2026-03-15")
    tour = Tour.get(Tour.scrutin == scrutin)
    assert tour.day == datetime.date(2026, 3, 15)
    assert [event.act for event in Event.select().where(Event.role == "ministry")] == ["creer", "creer"]
    ministry.opens(f"/admin/tours/edit/?id={tour.id}").presses("Enregistrer", day="2026-03-22")
    assert Tour.get_by_id(tour.id).day == datetime.date(2026, 3, 22)
    ministry.opens(f"/admin/tours/delete/?id={tour.id}").presses("Supprimer")
    assert not Tour.select().where(Tour.scrutin == scrutin).exists()


@pytest.mark.parametrize("fields, sentence", [
    ({"name": ""}, "Remplissez ce champ"), ({"name": "  "}, "Remplissez ce champ"), ({"name": "a" * 10_000}, "120"),
    ({"name": "a\x00b"}, "caractères invisibles"), ({"name": "a\u202eb"}, "caractères invisibles"),
    ({"territory": "75O56"}, "Indiquez FR"), ({"territory": "F\x00R"}, "invisibles"),
    ({"opens_at": "hier"}, "Indiquez une date"), ({"opens_at": "2026-02-31T08:00"}, "Indiquez une date"),
    ({"name": "Déjà là"}, "existent déjà")])
def test_bad_values_are_told_and_nothing_is_written(ministry, fields, sentence):
    a_scrutin(name="Déjà là")
    before = Scrutin.select().count()
    ministry.opens("/admin/scrutins/new/")
    ministry.presses("Enregistrer", **{"name": "Bon", "territory": "FR", "opens_at": "2026-01-05T08:00", **fields})
    assert ministry.page.status_code == 422 and sentence in ministry.said
    assert Scrutin.select().count() == before and ministry.title.startswith("Erreur : ")


@pytest.mark.parametrize("fields", [{"number": "3"}, {"number": "9" * 30}, {"number": "x"}, {"day": "2026-02-31"},
                                    {"scrutin": "999999"}, {"scrutin": "x"}, {"day": "26"}])
def test_a_bad_tour_is_refused(ministry, fields):
    scrutin = a_scrutin(two_tours=False)
    ministry.opens("/admin/tours/new/")
    ministry.presses("Enregistrer", **{"scrutin": scrutin.id, "number": 2, "day": "2026-12-20", **fields})
    assert ministry.page.status_code == 422 and Tour.select().count() == 1


@pytest.mark.parametrize("number, day", [(1, "2026-12-20"), (1, "2026-12-27"), (2, "2026-12-20"), (2, "2026-12-13")])
def test_the_second_tour_comes_after_the_first(ministry, number, day):
    scrutin = Scrutin.create(name="Deux tours", territory="FR", opens_at=now())
    Tour.create(scrutin=scrutin, number=3 - number, day=datetime.date(2026, 12, 20))
    ministry.opens("/admin/tours/new/").presses("Enregistrer", scrutin=scrutin.id, number=number, day=day)
    assert ministry.page.status_code == 422 and "Le 2d tour a lieu après le 1er" in ministry.said
    day = "2026-12-13" if number == 1 else "2026-12-27"
    ministry.presses("Enregistrer", scrutin=scrutin.id, number=number, day=day)
    assert scrutin.tours.count() == 2 and f"/admin/scrutins/details/?id={scrutin.id}" in ministry.page.text


def test_the_places_in_all_hold_those_of_france(ministry):
    a_commune()
    ministry.opens("/admin/regles/new/").presses("Enregistrer", territory="69", places_france="2", places="1")
    assert ministry.page.status_code == 422 and "il ne peut pas être plus petit" in ministry.said
    ministry.presses("Enregistrer", territory="69", places_france="2", places="x")
    assert ministry.page.status_code == 422 and "il ne peut pas être plus petit" not in ministry.said
    ministry.presses("Enregistrer", territory="69", places_france="2", places="2")
    assert Rules.select().where(Rules.territory == "69", Rules.places == 2).exists()


def test_what_is_missing_is_told_once(ministry):
    scrutin = a_scrutin(two_tours=False)
    ministry.opens("/admin/tours/new/").presses("Enregistrer", scrutin=scrutin.id, number=2, day="")
    assert "Jour : Remplissez ce champ" in ministry.said and "Indiquez une date" not in ministry.said


@pytest.mark.parametrize("field", ["scrutin", "number", "day"])
def test_a_file_sent_as_a_field_is_no_answer(ministry, field):
    scrutin = a_scrutin(two_tours=False)
    ministry.opens("/admin/tours/new/")
    ministry.presses("Enregistrer", **{"scrutin": scrutin.id, "number": 2, "day": "2026-12-20",
                                       field: (io.BytesIO(b"\xff\x00"), "a.txt")})
    assert ministry.page.status_code == 422 and Tour.select().count() == 1


def test_who_edits_a_row_changed_since_is_told(app, ministry):
    scrutin = a_scrutin()
    ministry.opens(f"/admin/scrutins/edit/?id={scrutin.id}")
    other = Desk(app, an_agent(Role.MINISTRY)).opens(f"/admin/scrutins/edit/?id={scrutin.id}")
    other.presses("Enregistrer", name="Le premier")
    ministry.presses("Enregistrer", name="Le second")
    assert ministry.page.status_code == 422 and "pendant que vous la lisiez" in ministry.said
    ministry.presses("Enregistrer", name="Le second", seen="")
    assert ministry.page.status_code == 422
    assert Scrutin.get_by_id(scrutin.id).name == "Le premier"


def test_extra_fields_are_ignored(ministry):
    scrutin = a_scrutin()
    ministry.opens(f"/admin/scrutins/edit/?id={scrutin.id}")
    ministry.presses("Enregistrer", id=999, name="Autre", status="validee", password_hash="x")
    assert Scrutin.get(Scrutin.name == "Autre").id == scrutin.id


def test_a_scrutin_leads_to_its_tours_one_after_the_other(ministry):
    scrutin = Scrutin.create(name="Municipales", opens_at=now())
    ministry.opens("/admin/scrutins/")
    assert "Aucun tour" in ministry.said
    ministry.follows("Municipales").follows("Ajouter le 1er tour").presses("Enregistrer", day="2027-03-14")
    ministry.opens(f"/admin/scrutins/details/?id={scrutin.id}").follows("Ajouter le 2d tour").presses("Enregistrer")
    days = [(tour.number, tour.day.isoformat()) for tour in scrutin.tours.order_by(Tour.number)]
    assert days == [(1, "2027-03-14"), (2, "2027-03-21")]
    assert "Ajouter le" not in ministry.opens(f"/admin/scrutins/details/?id={scrutin.id}").said


@pytest.mark.parametrize("number", ["x", "", "9" * 30, "-1", "²"])
def test_a_scrutin_nobody_knows_is_not_proposed(ministry, number):
    a_scrutin()
    assert ministry.opens("/admin/tours/new/", scrutin=number).page.status_code == 200


def test_territories_are_told_in_words(ministry):
    a_commune()
    for code in ("FR", "69", "69123"):
        Rules.create(territory=code)
    ministry.opens("/admin/regles/")
    for shown in ("Toute la France", "Département 69", "Lyon (69)", "Tous les scrutins"):
        assert shown in ministry.said


def test_a_deletion_says_what_goes_with_the_row(ministry):
    tour = a_scrutin().tours.first()
    TourDay.create(tour=tour, territory="972", day=tour.day)
    ministry.opens(f"/admin/tours/delete/?id={tour.id}")
    assert "Disparaîtront avec : Jours propres à un territoire : 1" in ministry.said
    ministry.presses("Supprimer")
    assert not TourDay.select().exists()


def test_an_old_name_is_on_the_page_of_the_commune_it_became(ministry):
    town = a_commune()
    CommuneName.create(commune=town, name="Saint-Rambert", key="SAINT RAMBERT", kind="ancienne", code="69232")
    ministry.opens("/admin/communes/").presses("Rechercher", words="st ramb").follows("Lyon")
    assert "Saint-Rambert (ancienne commune ou ancien nom, 69232)" in ministry.said


def test_mails_and_traces_are_read_in_words(ministry):
    a_procuration("validee")
    ministry.opens("/admin/courriels/")
    for shown in ("Procuration validée", "Demande déposée", "Le mandant", "En attente"):
        assert shown in ministry.said
    assert "validee" not in ministry.said and "mandant:" not in ministry.said
    ministry.opens("/admin/journal/")
    assert "Procuration validée Agent de la mairie" in ministry.said and "etablir" not in ministry.said


def test_every_mail_has_its_words(app):
    folders = {path.parent.name for path in Path(app.root_path).glob("templates/mails/*/subject.txt")}
    known = {message.id for path in FOLDER.glob("*.po") for message in read_po(path.open("rb"))}
    assert {f"mail.name.{name}" for name in folders} <= known
    assert {f"view.{state}" for state in Mail.STATES} | {f"mail.{state}" for state in Mail.STATES} <= known


def test_what_others_refer_to_is_not_deleted(ministry):
    file = a_procuration("etablie")
    tour = file.scrutin.tours.first()
    ministry.opens(f"/admin/tours/delete/?id={tour.id}")
    assert "Procurations en cours pour ce tour : 1" in ministry.said
    token = ministry.form("Se déconnecter")[1]["csrf_token"]
    ministry.page = ministry.client.post("/admin/tours/delete/", data={"id": tour.id, "csrf_token": token})
    assert ministry.page.status_code == 409 and "s’appuient" in ministry.said
    assert Tour.get_by_id(tour.id) and fresh(file)


def test_a_deletion_is_asked_before(ministry):
    rules = Rules.create(places=3)
    ministry.opens(f"/admin/regles/delete/?id={rules.id}")
    assert Rules.get_by_id(rules.id) and ministry.title == "Supprimer : Toute la France"
    ministry.presses("Supprimer")
    assert Rules.select().count() == 0


def test_communes_are_searched_by_the_beginning_of_their_names(ministry):
    for code in ("69123", "46260", "69189"):
        a_commune(code)
    ministry.opens("/admin/communes/").presses("Rechercher", words="saint")
    assert "Sainte-Colombe" in ministry.said and "Lyon" not in ministry.said
    assert ministry.presses("Rechercher", words="ste col").said.count("Sainte-Colombe") == 2


def test_an_account_is_created_with_a_link_that_is_mailed_and_never_shown(ministry):
    a_commune()
    ministry.opens("/admin/agents/").follows("Inviter un agent")
    ministry.presses("Envoyer l’invitation", email="Sam.Roy@Exemple.fr", first_name="Sam", last_name="Roy",
                     role="manager", commune="Lyon (69)")
    agent = Agent.get(Agent.email == "sam.roy@exemple.fr")
    assert agent.role == Role.MANAGER and agent.commune_id == "69123" and agent.password_hash is None
    assert "/invitation/" not in ministry.text and agent.email in ministry.said
    ministry.opens(f"/admin/agents/details/?id={agent.id}").presses("Envoyer un nouveau lien")
    assert "/invitation/" not in ministry.text
    mailed = [outbox.render("invitation", mail.context).text for mail in Mail.select().where(Mail.name == "invitation")]
    tokens = [re.search(r"/invitation/([\w-]+)", text)[1] for text in mailed]
    assert len(set(tokens)) == 2 and {accounts.invited(token) for token in tokens} == {agent}


@pytest.mark.parametrize("fields, sentence", [
    ({"email": "pas une adresse"}, "prenom.nom@exemple.fr"), ({"role": "roi"}, "Choisissez"),
    ({"commune": ""}, "Une commune est nécessaire"), ({"role": "officer"}, "Une commune est nécessaire"),
    ({"commune": "Nulle-Part"}, "Aucune commune"), ({"commune": "L\x00yon"}, "Aucune commune"),
    ({"email": "la@exemple.fr"}, "existe déjà"), ({"habilitated_from": "31/02"}, "Indiquez une date"),
    ({"first_name": "a\x00"}, "invisibles"), ({"first_name": ""}, "Remplissez ce champ")])
def test_a_bad_account_is_refused(ministry, fields, sentence):
    a_commune()
    an_agent(Role.MINISTRY, email="la@exemple.fr")
    before = Agent.select().count()
    ministry.opens("/admin/agents/new/")
    ministry.presses("Envoyer l’invitation", **{"email": "sam@exemple.fr", "first_name": "Sam", "last_name": "Roy",
                                                "role": "commune", "commune": "Lyon (69)", **fields})
    assert ministry.page.status_code == 422 and sentence in ministry.said
    assert Agent.select().count() == before and SingleUse.select().count() == 0


def test_suspending_asks_then_ends_the_sessions(app, ministry):
    victim = Desk(app, an_agent(Role.COMMUNE))
    ministry.opens(f"/admin/agents/details/?id={victim.agent.id}").presses("Suspendre")
    assert not Agent.get_by_id(victim.agent.id).suspended_at
    confirm(ministry)
    assert "Fait pour 1 sur 1" in ministry.said and Agent.get_by_id(victim.agent.id).suspended_at
    assert victim.opens(GRID).page.request.path == "/connexion"
    assert not WebSession.select().where(WebSession.agent == victim.agent).exists()
    ministry.opens(f"/admin/agents/details/?id={victim.agent.id}").presses("Réactiver")
    confirm(ministry)
    assert not Agent.get_by_id(victim.agent.id).suspended_at


def test_nobody_suspends_themselves(ministry):
    ministry.opens("/admin/agents/").presses("Suspendre la sélection…", rowid=[ministry.agent.id])
    confirm(ministry)
    assert "Personne ne suspend son propre compte" in ministry.said
    assert not Agent.get_by_id(ministry.agent.id).suspended_at


def test_a_change_of_role_ends_the_sessions(app, ministry):
    agent = an_agent(Role.COMMUNE)
    other = Desk(app, agent)
    ministry.opens(f"/admin/agents/edit/?id={agent.id}").presses("Enregistrer", role="manager")
    assert Agent.get_by_id(agent.id).role == Role.MANAGER
    assert other.opens(GRID).page.request.path == "/connexion"


def test_an_address_is_kept_as_people_log_in(ministry):
    agent = an_agent(Role.COMMUNE)
    ministry.opens(f"/admin/agents/edit/?id={agent.id}").presses("Enregistrer", email=" Autre.Nom@Exemple.FR ")
    assert Agent.get_by_id(agent.id).email == "autre.nom@exemple.fr"


def test_a_dead_mail_is_sent_again_and_no_other(ministry):
    file = a_procuration("deposee")
    mail = Mail.get(Mail.procuration == file)
    assert "Renvoyer" not in ministry.opens(f"/admin/courriels/details/?id={mail.id}").text
    ministry.opens("/admin/courriels/").presses("Renvoyer la sélection…", rowid=[mail.id])
    confirm(ministry)
    assert "Seul un courriel abandonné" in ministry.said
    Mail.update(state="dead", tries=9, error="550 no").execute()
    ministry.opens("/admin/courriels/", flt_state="dead").presses("Renvoyer la sélection…", rowid=[mail.id])
    confirm(ministry)
    assert (Mail.get_by_id(mail.id).state, Mail.get_by_id(mail.id).tries) == ("waiting", 0)
    assert Event.select().where(Event.act == "renvoyer").count() == 1


# --- The base -------------------------------------------------------------------------------------------------------

class NameView(base.ScopedView):
    """A model comes into the back office with one class."""

    roles = frozenset({Role.MINISTRY})
    rights = dict.fromkeys(("create", "edit", "delete", "export"), roles)
    column_list = form_columns = ("name", "key", "kind", "code")
    searchable = True

    def matching(self, query, words):
        return query.where(self.model.key >= name_key(words))


def test_a_model_is_added_with_one_short_class(app, monkeypatch):
    monkeypatch.setitem(policy.POLICY, CommuneName, policy.MINISTRY_ONLY)
    views = ministry_module.views()
    monkeypatch.setattr(ministry_module, "views", lambda: [*views, NameView(CommuneName, "noms")])
    again = create_app(active())
    a_commune()
    desk = Desk(again, an_agent(Role.MINISTRY))
    assert "Lyon" in desk.opens("/admin/noms/").said
    assert "Lyon" in desk.presses("Rechercher", words="ly").said
    assert desk.opens("/admin/noms/new/").page.status_code == 200
    assert desk.opens("/admin/noms/details/?id=1").page.status_code == 200
    assert "Lyon" in desk.opens("/admin/noms/export/csv/").text


def test_a_view_without_roles_keeps_the_application_from_starting(app, monkeypatch):
    class Open(base.ScopedView):
        column_list, form_columns = ("name",), ()
    monkeypatch.setattr(ministry_module, "views", lambda: [Open(Commune, "ouvert")])
    with pytest.raises(RouteWithoutAccess):
        create_app(active())


@pytest.mark.parametrize("declared", [
    {}, {"column_list": ("name",)}, {"column_list": ("name",), "form_columns": ("code",)},
    {"column_list": ("name",), "form_columns": (), "column_editable_list": ("name",)},
    {"column_list": ("name",), "form_columns": (), "inline_models": (Tour,)},
    {"column_list": ("name",), "form_columns": ("name",), "form_ajax_refs": {"commune": {"fields": ("name",)}}}])
def test_a_careless_declaration_is_refused(app, declared):
    careless = type("Careless", (base.ScopedView,), {"roles": access.AGENTS, **declared})
    with pytest.raises(TypeError):
        careless(Commune, "noms")


def test_a_model_nobody_wrote_a_rule_for_shows_nothing(app):
    a_procuration("etablie")
    for role in (Role.COMMUNE, Role.MANAGER, Role.OFFICER, Role.MINISTRY):
        assert not policy.visible(Personne, an_agent(role)).exists()
    assert not policy.visible(Procuration, an_officer()).exists()


def test_an_agent_without_a_commune_is_refused(app):
    agent = Agent(role=Role.COMMUNE, commune=None)
    with pytest.raises(procedure.NotYours):
        policy.visible(Procuration, agent)


def test_flask_admins_own_templates_and_files_are_out_of_reach(app):
    assert not [rule for rule in app.url_map.iter_rules()
                if rule.rule.startswith("/admin") and "filename" in rule.arguments]
    with pytest.raises(Exception, match="modals"):
        app.jinja_env.get_template("admin/model/modals/create.html")
    package = Path(flask_admin.__file__).parent
    named = {getattr(view, name) for view in app.extensions["admin"][0]._views for name in dir(view)
             if name.endswith("_template") and getattr(view, name)}
    ours = {name for name in named & set(app.jinja_env.list_templates())
            if package not in Path(app.jinja_env.get_template(name).filename).parents}
    assert {"admin/model/list.html", "admin/model/edit.html", "admin/ministry/courriel.html"} <= ours
    assert named - ours == NEVER_SHOWN


def test_every_label_has_its_french(app):
    known = {message.id for path in FOLDER.glob("*.po") for message in read_po(path.open("rb"))}
    wanted = set()
    for view in app.extensions["admin"][0]._views[1:]:
        wanted.add(f"menu.{view.endpoint}")
        if isinstance(view, base.ScopedView):
            wanted |= {label for _, label in [*view._list_columns, *view._details_columns, *view._export_columns]}
            wanted |= {f"column.{view.table}.{name}" for name in view.form_columns} | {f"one.{view.table}"}
            wanted |= {f"filter.{filter.name}" for filter in view._filters or ()}
            wanted |= {f"search.{view.table}"} if view.searchable else set()
            wanted |= {f"create.{view.table}"} if view.rights.get("create") else set()
            wanted |= {label for _, label in view._actions}
    assert wanted - known == set()


def test_cursors_come_back_as_they_went(app):
    file = a_procuration("etablie")
    keyset = (Procuration.established_at, Procuration.id)
    assert paging.read(paging.cursor(file, keyset), keyset) == [file.established_at, file.id]
