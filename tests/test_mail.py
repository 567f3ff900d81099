"""What the mandant is told: every mail in text and HTML, with the contents the design fixes."""
import dataclasses
import datetime
import html
import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from models import TRANSITIONS, Mail, Passage, Status, Tour
from portal import addresses, mail, outbox, procedure, scrutins, texts
from portal.catalogue import day
from portal.settings import Settings, use
from tests.factories import (a_commune, a_demande, a_mandataire, a_procuration, a_scrutin, a_voter, an_agent,
                             an_officer, fresh)

FOLDER = Path(texts.TEMPLATES) / "mails"
WORDS_OF_REASONS = {reason for transition in TRANSITIONS.values() for reason in transition.reasons}


@pytest.fixture
def address():
    """The portal's, without a database: most of what follows only reads templates."""
    return use(Settings(base_url="http://localhost")).base_url


def last_mail(procuration):
    return procuration.mail_set.order_by(Mail.id.desc()).get()


def told(procuration):
    """The last mail about a file, as it would be read."""
    return outbox.render(last_mail(procuration).name, last_mail(procuration).context)


def told_context(procuration):
    return last_mail(procuration).context


def both(rendered):
    """Text and HTML as words only, line breaks and tags aside."""
    plain = html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", rendered.html, flags=re.DOTALL))
    return [" ".join(version.split()) for version in (rendered.text, plain)]


def says(rendered, *sentences):
    return all(" ".join(sentence.split()) in version for version in both(rendered) for sentence in sentences)


def says_nothing_of(rendered, *sentences):
    return not any(sentence in version for version in both(rendered) for sentence in sentences)


# --- Every mail -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", mail.SAMPLES)
def test_every_mail_has_a_subject_of_one_line_without_reference_or_name(name, address):
    rendered = outbox.render(name, mail.SAMPLES[name])
    assert rendered.subject and "\n" not in rendered.subject and len(rendered.subject) < 80
    assert not re.search(r"K7M|2QX|Sacha|Petit|Martin|Lyon", rendered.subject)
    assert "{" not in (FOLDER / name / "subject.txt").read_text()


@pytest.mark.parametrize("name", mail.SAMPLES)
def test_every_mail_reads_the_same_in_text_and_in_html(name, address):
    context = mail.SAMPLES[name]
    rendered = outbox.render(name, context)
    facts = [context["mandataire"], *(day(tour["day"], "full") for tour in context["tours"])]
    facts += [context["reference"], day(context["present_by"], "full"), "formulaire cerfa", "Motif :"]
    text, page = both(rendered)
    assert [fact in text for fact in facts] == [fact in page for fact in facts]
    assert not re.search(r"[{}]|None|Undefined", text + page)


@pytest.mark.parametrize("name", mail.SAMPLES)
def test_every_html_mail_is_plain_and_links_only_to_the_portal_once(name, address):
    page = outbox.render(name, mail.SAMPLES[name]).html
    assert page.startswith("<!doctype html>") and '<html lang="fr">' in page and page.count("<h1>") == 1
    assert not re.search(r"<img|<script|\sstyle=|\son\w+=|url\(|@import", page)
    assert re.findall(r'(?:href|src)="([^"]*)"', page) in (["http://localhost/mes-procurations"],
                                                           ["http://localhost/demande"])


def test_a_fact_the_mail_needs_is_never_left_blank(address):
    without = {fact: value for fact, value in mail.SAMPLES["deposee"].items() if fact != "reference"}
    with pytest.raises(UndefinedError):
        outbox.render("deposee", without)


def test_every_act_has_its_folder_and_every_folder_its_act():
    folders = {path.name: {part.name for part in path.iterdir()} for path in FOLDER.iterdir() if path.is_dir()}
    joined = {"deposee": {"recepisse.txt"}, "etablie": {"recepisse.txt"},
              "validee": {"recepisse.txt", "calendrier.txt"}, "resiliation_demandee": {"recepisse.txt"}}
    assert folders == {name: {"subject.txt", "body.txt", "body.html"} | joined.get(name, set())
                       for name in {*mail.NAMES.values(), *mail.NOTICES, *mail.LINKS}}
    assert addresses.MAIL in mail.LINKS
    assert set(mail.NAMES) == set(TRANSITIONS) - {"corriger", "attribuer", "distinguer"}


@pytest.mark.parametrize("act, reason", [(act, reason) for act, transition in TRANSITIONS.items()
                                         for reason in transition.reasons])
def test_every_reason_is_told_in_words(act, reason, address):
    name = mail.NAMES[act]
    rendered = outbox.render(name, {**mail.SAMPLES[name], "reason": reason, "comment": "Voir la pièce <b>3</b>"})
    assert says_nothing_of(rendered, *WORDS_OF_REASONS - {"autre"})
    if act != "retirer":
        assert says(rendered, "Motif :", "Voir la pièce <b>3</b>")
        assert "<b>3</b>" not in rendered.html


def test_mails_speak_the_words_of_the_portal():
    for path in FOLDER.rglob("*.*"):
        prose = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}|<[^>]*>", " ", path.read_text(), flags=re.DOTALL)
        assert not re.search(r"\b(e-?mails?|mails?|formulaire CERFA|mandatée?)\b", prose), path


# --- The contents the design fixes ----------------------------------------------------------------------------------

def test_deposee_gives_the_reference_what_to_bring_where_and_until_when(db):
    procuration = a_procuration()
    assert says(told(procuration), procuration.reference.shown, "votre pièce d’identité",
                "Dans le commissariat ou la gendarmerie de votre choix",
                f"Au plus tard le {day(procuration.valid_until, 'full')}", "Vous votez à Lyon (69)")


def test_a_request_filed_long_before_the_poll_is_to_be_presented_before_its_two_months_end(db):
    procuration = a_procuration(scrutin=a_scrutin(in_days=150))
    told_day = datetime.date.fromisoformat(told_context(procuration)["present_by"])
    assert told_day < procuration.valid_until
    assert (scrutins.end_of(told_day, procuration.commune) <= procuration.lapses_at
            < scrutins.end_of(told_day + datetime.timedelta(days=1), procuration.commune))


def test_until_when_is_told_by_the_clock_of_the_commune(db):
    procuration = a_procuration(commune=a_commune("98818"))
    assert procuration.mail_set.get().context["present_by"] == procuration.valid_until.isoformat()


def test_a_period_is_told_as_one(db):
    until = datetime.date.today() + datetime.timedelta(days=90)
    demande = dataclasses.replace(a_demande(), scrutin=None, tours=[], valid_until=until)
    assert says(told(procedure.deposer(demande, a_voter())), f"toutes les élections jusqu’au {day(until)}")


def test_etablie_is_a_receipt_that_says_the_town_hall_has_not_checked_yet(db):
    procuration = a_procuration(Status.ETABLIE)
    assert says(told(procuration), "transmise à la mairie de Lyon (69)", "ne l’a pas encore vérifiée",
                "Procuration établie par Dominique Martin, brigadier-chef, APJ à Lyon, le "
                + day(told_context(procuration)["day"], "full"))


def test_validee_names_the_tours_and_what_remains_to_do(db):
    procuration = a_procuration(Status.VALIDEE)
    first, second = Tour.select().order_by(Tour.number)
    assert says(told(procuration), f"1er tour : {day(first.day, 'full')}", f"2d tour : {day(second.day, 'full')}",
                "Prévenez Sacha", "bureau de vote, à Lyon (69)", "pièce d’identité",
                "Vous pouvez toujours voter vous-même, si vous arrivez avant votre mandataire.")
    assert re.search(r"dans (VOTRE|<strong>votre</strong>) bureau de vote", told(procuration).html)


def test_validee_names_only_the_tours_where_a_place_is_held_and_says_which_are_not(db):
    scrutin, mandataire = a_scrutin(), a_mandataire()
    first, second = scrutin.tours.order_by(Tour.number)
    a_procuration(Status.ETABLIE, scrutin=scrutin, mandataire=mandataire, tours=[first], valid_until=first.day)
    context = told_context(a_procuration(Status.VALIDEE, scrutin=scrutin, mandataire=mandataire))
    assert [tour["number"] for tour in context["tours"]] == [2]
    assert [tour["number"] for tour in context["tours_left_out"]] == [1]
    assert says(outbox.render("validee", context), "Ces jours-là, votez vous-même ou choisissez une autre personne")


def test_invalidee_says_why_and_how_and_until_when_to_do_it_again_on_paper_too(db):
    procuration, agent = a_procuration(Status.ETABLIE), an_agent()
    procedure.invalider(procuration, agent, "mandant_non_inscrit", "Radié en 2024.\nVoir le service élections.")
    assert says(told(procuration), "Vous n’êtes pas sur la liste électorale de la commune",
                "Radié en 2024. Voir le service élections.", "Refaites une demande en ligne",
                "une procuration sur papier : formulaire cerfa",
                f"jusqu’au {day(procuration.valid_until, 'full')}", "votez vous-même")


@pytest.mark.parametrize("part", ["text", "html"])
def test_where_an_older_act_holds_the_vote_no_other_is_proposed_L75(address, part):
    told = getattr(outbox.render("invalidee", {**mail.SAMPLES["invalidee"], "reason": "acte_anterieur"}), part)
    assert "faites d’abord résilier la première" in told and "efaites une demande" not in told
    assert "/mes-procurations" in told and "/demande" not in told


def test_what_is_too_late_is_not_offered(address):
    late = {**mail.SAMPLES["caduque"], "day": "2026-03-23"}
    assert says(outbox.render("caduque", late), "Il est trop tard pour cette élection")
    assert says_nothing_of(outbox.render("caduque", late), "Vous pouvez le faire jusqu’au")


def test_refusee_says_why_and_how_to_do_it_again(db):
    procuration = a_procuration(Status.REFUSEE)
    assert says(told(procuration), "La pièce présentée ne prouve pas l’identité", "Revenez avec une pièce d’identité",
                "Refaites une demande", "ne sert plus")


def test_retiree_tells_a_choice_from_a_replacement(db):
    chosen = told(a_procuration(Status.RETIREE))
    assert says(chosen, "Vous avez retiré votre demande de procuration", "ne sert plus")
    replaced = outbox.render("retiree", {**mail.SAMPLES["retiree"], "reason": "remplacee_par_une_autre"})
    assert says(replaced, "l’autre la remplace") and says_nothing_of(replaced, "Vous avez retiré")


def test_defaite_says_that_the_reference_is_good_again(db):
    officer = an_officer()
    procuration = a_procuration(Status.ETABLIE, officer=officer)
    procedure.defaire(procuration, officer, "erreur_de_personne")
    assert says(told(procuration), "avec la même référence", procuration.reference.shown, "Erreur de personne",
                "votre pièce d’identité")


def test_annulee_says_why_R80(db):
    assert says(told(a_procuration(Status.ANNULEE)), "Décès du mandataire", "R. 80", "Personne ne votera pour vous")


def test_resiliee_and_caduque_say_who_can_still_vote(db):
    assert says(told(a_procuration(Status.RESILIEE)), "ne peut plus voter pour vous", "prévenez cette personne")
    assert says(told(a_procuration(Status.CADUQUE)), "personne ne votera pour vous", "Votre voix reste à vous")


def test_a_mandant_without_an_address_gets_no_mail(db):
    assert not Mail.select().where(Mail.procuration == a_procuration(email=None)).exists()


# --- Before it goes -------------------------------------------------------------------------------------------------

def test_a_preview_is_the_mail_that_will_leave_and_writes_nothing(db):
    procuration, agent = a_procuration(Status.ETABLIE), an_agent()
    before = [model.select().count() for model in (Mail, Passage)]
    previewed = mail.preview(procuration, "invalider", "autre", "Deux homonymes.")
    assert [model.select().count() for model in (Mail, Passage)] == before
    procedure.invalider(fresh(procuration), agent, "autre", "Deux homonymes.")
    assert previewed == told_context(procuration)
