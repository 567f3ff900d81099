"""What a voter reads of their files, and how they withdraw one."""
import datetime

import pytest
import time_machine

from models import Event, Mail, Passage, Status, now
from portal import procedure
from tests.factories import (PATHS, a_commune, a_procuration, a_scrutin, an_acte, an_agent, an_officer, fresh,
                             log_in)
from tests.statements import count_statements
from tests.voter import Mandant, day_fields

LIST = "/mes-procurations"
NEXT = {
    Status.DEPOSEE: "Présentez-vous avec cette référence",
    Status.RETIREE: "sa référence ne peut plus servir",
    Status.REFUSEE: "Motif : La pièce présentée ne prouve pas l’identité",
    Status.CADUQUE: "n’a pas été présentée à temps",
    Status.ETABLIE: "qui ne l’a pas encore vérifiée",
    Status.VALIDEE: "Valable pour : 1er tour",
    Status.INVALIDEE: "Motif : Vous n’êtes pas sur la liste électorale",
    Status.ANNULEE: "Motif : Décès du mandataire",
    Status.RESILIEE: "Vous avez repris votre vote",
}


@pytest.fixture
def mandant(app, client):
    a_commune()
    return Mandant(client)


def withdrawal(file):
    return f"{LIST}/{file.id}/retirer"


def unchanged(file):
    return fresh(file).status == "deposee" and file.passages.count() == 1 and Mail.select().count() == 1


# --- The list -------------------------------------------------------------------------------------------------------

def test_somebody_who_asked_for_nothing_is_led_to_the_form(mandant):
    page = mandant.opens(LIST)
    assert mandant.answer.status_code == 200 and "Vous n’avez encore rien demandé" in page.text
    assert [tag for tag in page.all("a") if tag["href"] == "/demande"]


@pytest.mark.parametrize("status", PATHS)
def test_each_state_says_what_happened_and_what_comes_next(mandant, status):
    file = a_procuration(status, voter=mandant.row)
    page = mandant.opens(LIST)
    assert NEXT[status] in page.text
    assert len([tag for tag in page.all("li") if tag.get("class") == "timeline__step"]) == file.passages.count()
    assert (file.reference.shown in page.text) == (status == "deposee")
    assert bool([tag for tag in page.all("a") if tag["href"] == withdrawal(file)]) == (status == "deposee")
    assert file.mandataire.birth_name in page.text and file.commune.label in page.text


STEPS = {  # class or state of each step shown, in order
    Status.DEPOSEE: ["done", "current", ""], Status.ETABLIE: ["done", "done", "current"],
    Status.VALIDEE: ["done", "done", "done"], Status.RETIREE: ["done", "bad"], Status.REFUSEE: ["done", "bad"],
    Status.CADUQUE: ["done", "bad"], Status.INVALIDEE: ["done", "done", "bad"],
    Status.ANNULEE: ["done", "done", "bad"], Status.RESILIEE: ["done", "done", "bad"],
}


@pytest.mark.parametrize("status", PATHS)
def test_how_far_a_file_went_is_seen_at_a_glance(mandant, status):
    a_procuration(status, voter=mandant.row)
    page = mandant.opens(LIST)
    line = next(tag for tag in page.all("ol") if tag.get("class") == "progress")
    shown = ["current" if "aria-current" in tag else (tag.get("class") or "").removeprefix("progress__")
             for tag in page.within(line, "li")]
    assert shown == STEPS[status]


@pytest.mark.parametrize("status, offered", [
    (Status.DEPOSEE, {"recepisse", "retirer"}), (Status.VALIDEE, {"recepisse", "jours-de-vote.ics", "resilier"}),
    (Status.ETABLIE, {"recepisse", "resilier"}), (Status.RETIREE, set()), (Status.INVALIDEE, set())])
def test_what_can_be_done_next_is_at_hand_and_opens(mandant, status, offered):
    file = a_procuration(status, voter=mandant.row)
    links = {tag["href"] for tag in mandant.opens(LIST).all("a") if f"/{file.id}/" in tag["href"]}
    assert {link.rsplit("/", 1)[1] for link in links} - {"confirmation", "adresse"} == offered
    assert all(mandant.client.get(link).status_code == 200 for link in links)


def test_the_reason_is_told_to_whom_it_concerns(mandant):
    file = a_procuration(Status.ETABLIE, voter=mandant.row)
    procedure.invalider(file, an_agent(), "mandant_non_inscrit", "")
    text = mandant.opens(LIST).text
    assert text.count("Vous n’êtes pas sur la liste électorale de la commune") == 2
    assert "Le mandant n’est pas" not in text


def test_once_the_poll_is_over_a_file_promises_nothing_more(mandant):
    a_procuration(Status.VALIDEE, voter=mandant.row)
    never_presented = a_procuration(voter=mandant.row)
    with time_machine.travel(now() + datetime.timedelta(days=60)):
        log_in(mandant.client, voter=mandant.row)
        text = mandant.opens(LIST).text
    assert "cette procuration ne sert plus" in text and "n’a pas été présentée à temps" in text
    assert "Prévenez vous-même" not in text and never_presented.reference.shown not in text


def test_what_was_given_up_stands_below_what_goes_on(mandant):
    going_on = a_procuration(voter=mandant.row)
    given_up = a_procuration(Status.RETIREE, voter=mandant.row)
    text = mandant.opens(LIST).text
    first, line, last = map(text.index, (going_on.mandataire.birth_name, "Terminées", given_up.mandataire.birth_name))
    assert first < line < last


def test_a_validation_names_only_the_tours_where_a_place_is_held(mandant):
    scrutin = a_scrutin()
    first = scrutin.tours.order_by("number")[0]
    taken = a_procuration(Status.ETABLIE, scrutin=scrutin, tours=[first], valid_until=first.day)
    named = {name: getattr(taken.mandataire, name) for name in ("birth_name", "first_names", "sex", "birth_date")}
    a_procuration(Status.VALIDEE, voter=mandant.row, scrutin=scrutin, mandataire=procedure.Named(**named))
    said = mandant.opens(LIST).text
    assert "Valable pour : 2d tour" in said and "Pas pour : 1er tour" in said


def test_a_validated_file_that_lost_its_last_place_is_never_called_good_L73(mandant):
    file = a_procuration(Status.VALIDEE, voter=mandant.row)
    named = {name: getattr(file.mandataire, name) for name in ("birth_name", "first_names", "sex", "birth_date")}
    older = now() - datetime.timedelta(days=1)
    procedure.saisir(an_acte(file.scrutin, mandataire=procedure.Named(**named), established_at=older), an_agent())
    said = mandant.opens(LIST).text
    assert "ne vaut plus pour aucun vote" in said and "À revoir par la mairie" in said
    assert "Valable" not in said and "Prévenez vous-même" not in said and "fiche pour" not in said
    for document in ("recepisse", "recepisse.pdf", "jours-de-vote.ics"):
        assert mandant.client.get(f"{LIST}/{file.id}/{document}").status_code == 303


def test_files_come_latest_first_and_only_one_s_own(mandant):
    own = [a_procuration(voter=mandant.row) for _ in range(3)]
    other = a_procuration()
    text = mandant.opens(LIST).text
    shown = sorted(own, key=lambda file: text.index(file.mandataire.birth_name))
    assert shown == own[::-1] and other.mandataire.birth_name not in text


def test_a_period_is_told_by_its_end(mandant):
    mandant.asks(tours=None, **day_fields("until", procedure.now().date()))
    assert "Toutes les élections jusqu’au" in mandant.opens(LIST).text


def test_who_acted_is_told_by_role_never_by_name(mandant):
    officer = an_officer(last_name="Inoubliable")
    a_procuration(Status.VALIDEE, voter=mandant.row, officer=officer)
    text = mandant.opens(LIST).text
    assert "par vous" in text and "par la mairie" in text and "Inoubliable" not in text


def test_the_list_costs_the_same_with_three_and_with_thirty_files(mandant):
    def fill(count):
        for number in range(count):
            scrutin = a_scrutin() if number % 3 == 0 else None
            a_procuration(list(PATHS)[number % len(PATHS)], voter=mandant.row, scrutin=scrutin)

    fill(3)
    with count_statements() as few:
        mandant.opens(LIST)
    fill(27)
    with count_statements() as many:
        page = mandant.opens(LIST)
    assert len(page.all("article")) == 30
    assert len(few) == len(many) <= 10, many


# --- Withdrawing ----------------------------------------------------------------------------------------------------

def test_a_request_is_withdrawn_after_a_question(mandant):
    file = a_procuration(voter=mandant.row)
    page = mandant.opens(withdrawal(file))
    assert file.reference.shown in page.text and unchanged(file)
    mandant.posts(page.fields(withdrawal(file)), withdrawal(file))
    assert mandant.answer.status_code == 303 and fresh(file).status == "retiree"
    assert "Votre demande est retirée" in mandant.opens(LIST).text
    assert [mail.name for mail in Mail.select().order_by(Mail.id)] == ["deposee", "retiree"]
    assert Event.select().where(Event.act == "retirer", Event.actor == mandant.row.id).count() == 1


def test_whoever_comes_after_the_officer_is_told_who_won(mandant):
    file = a_procuration(voter=mandant.row)
    fields = mandant.opens(withdrawal(file)).fields(withdrawal(file))
    procedure.etablir(fresh(file), an_officer())
    page = mandant.posts(fields, withdrawal(file))
    assert mandant.answer.status_code == 409 and "procuration établie" in page.text
    assert "par la police ou la gendarmerie" in page.text and fresh(file).status == "etablie"
    mandant.opens(withdrawal(file))
    assert mandant.answer.status_code == 409


def test_an_act_seen_in_an_older_version_is_not_done(mandant):
    file, officer = a_procuration(voter=mandant.row), an_officer()
    fields = mandant.opens(withdrawal(file)).fields(withdrawal(file))
    procedure.etablir(fresh(file), officer)
    procedure.defaire(fresh(file), officer, "erreur_de_saisie")
    mandant.posts(fields, withdrawal(file))
    assert mandant.answer.status_code == 409 and fresh(file).status == "deposee"


def test_withdrawing_twice_acts_once(mandant):
    file = a_procuration(voter=mandant.row)
    fields = mandant.opens(withdrawal(file)).fields(withdrawal(file))
    answers = [mandant.client.post(withdrawal(file), data=fields).status_code for _ in range(2)]
    assert answers == [303, 409] and Passage.select().where(Passage.act == "retirer").count() == 1


@pytest.mark.parametrize("version", [None, "", "abc", "-1", "7", "9" * 30])
def test_a_forged_version_withdraws_nothing(mandant, version):
    file = a_procuration(voter=mandant.row)
    fields = mandant.opens(withdrawal(file)).fields(withdrawal(file))
    fields.pop("version")
    mandant.posts({**fields, **({} if version is None else {"version": version})}, withdrawal(file))
    assert mandant.answer.status_code in (404, 409) and unchanged(file)


def test_a_request_of_somebody_else_does_not_exist(mandant):
    file = a_procuration()
    own = a_procuration(voter=mandant.row)
    fields = mandant.opens(withdrawal(own)).fields(withdrawal(own))
    for attempt in (mandant.opens, lambda path: mandant.posts(fields, path)):
        attempt(withdrawal(file))
        assert mandant.answer.status_code == 404 and fresh(file).status == "deposee"


@pytest.mark.parametrize("number", ["0", "abc", "-1", "9" * 30, "9223372036854775808", "1/../2"])
def test_absurd_ids_lead_nowhere(mandant, number):
    for method in (mandant.client.get, mandant.client.post):
        assert method(f"{LIST}/{number}/retirer", data=mandant.opens().fields()).status_code == 404


def test_withdrawing_wants_the_csrf_token(mandant):
    file = a_procuration(voter=mandant.row)
    page = mandant.posts({"version": "0"}, withdrawal(file))
    assert mandant.answer.status_code == 400 and unchanged(file) and "Cette page n’est plus valable" in page.title


def test_the_list_belongs_to_voters(app, client):
    assert client.get(LIST).status_code == 303
    log_in(client, agent=an_agent())
    assert client.get(LIST).status_code == 404
