"""The request: one form, its check page, its confirmation; whatever is wrong is said in French and writes nothing."""
import datetime
import re

import pytest
from dateutil.relativedelta import relativedelta

from models import (Commune, CommuneName, Hit, Mail, Passage, Personne, Procuration, Reference, Rules, SingleUse,
                    Status, Tour, TourDay, TourVise, WebSession, now)
from portal import catalogue, communes, fields, law, procedure, scrutins
from portal.typography import loosen
from tests.factories import a_commune, a_procuration, a_scrutin, an_agent, an_officer, fresh, log_in
from tests.statements import count_statements
from tests.voter import Mandant, day_fields

FACTS = (Procuration, Personne, TourVise, Reference, Passage, Mail, SingleUse)


@pytest.fixture
def scrutin(app):
    a_commune()
    return a_scrutin()


@pytest.fixture
def mandant(scrutin, client):
    return Mandant(client)


def rows():
    """How many there are of what a request leaves; that a name was looked up in the rolls is counted apart."""
    looked_up = SingleUse.select().where(SingleUse.kind == "verifier").count()
    return [table.select().count() - (looked_up if table is SingleUse else 0) for table in FACTS]


def a_day(in_days):
    return now().date() + datetime.timedelta(days=in_days)


def until(day):
    return {"tours": None, **day_fields("until", day)}


def a_name_of(code, name, kind, own_code):
    return CommuneName.create(commune=code, name=name, key=communes.name_key(name), kind=kind, code=own_code)


# --- The way through ------------------------------------------------------------------------------------------------

def test_a_request_is_read_again_then_filed_once_with_what_was_typed(mandant, scrutin):
    check = mandant.fills(mandataire__first_names="  Sacha   Léo ", mandataire__registered_in="",
                          mandataire__nne="776 922 959")
    assert mandant.answer.status_code == 200 and "Rien n’est encore envoyé" in check.text
    assert rows() == [0] * len(FACTS)
    mandant.confirms()
    assert mandant.answer.status_code == 303
    procuration = Procuration.get()
    assert procuration.voter == mandant.row and procuration.status == Status.DEPOSEE
    assert procuration.commune.code == "69123" and procuration.scrutin == scrutin
    assert [vise.tour.number for vise in procuration.tours_vises.order_by(TourVise.tour)] == [1, 2]
    assert procuration.valid_until == a_day(37)
    person = procuration.mandataire
    assert (person.birth_name, person.first_names, person.sex, person.birth_date, person.nne, person.commune) == (
        "Petit", "Sacha Léo", "M", "1975-11-07", "776922959", None)
    assert procuration.mandant.key == mandant.row.key


def test_the_confirmation_shows_the_reference_what_to_bring_where_and_until_when(mandant):
    page = mandant.asks()
    procuration = Procuration.get()
    assert procuration.reference.shown in page.text
    assert "pièce d’identité" in page.text and "gendarmerie" in page.text and "mandant@exemple.fr" in page.text
    assert f"au plus tard le {loosen(catalogue.day(procuration.valid_until, 'full'))}" in page.text
    assert f"/mes-procurations/{procuration.id}/retirer" in mandant.answer.text


def test_no_name_nor_reference_stands_in_an_address(mandant):
    mandant.fills()
    mandant.confirms()
    assert re.fullmatch(r"/demande/\d+/confirmation", mandant.answer.location)


def test_a_form_sent_twice_files_one_request_and_leads_to_the_same_confirmation(mandant):
    mandant.fills()
    carried = {**mandant.page.fields(), "confirmer": "oui"}
    first, second = [mandant.client.post("/demande", data=carried) for _ in range(2)]
    assert first.status_code == second.status_code == 303 and first.location == second.location
    assert rows()[0] == 1 and Mail.select().count() == 1


def test_a_form_changed_after_it_was_sent_is_another_request(mandant):
    mandant.fills()
    carried = mandant.page.fields()
    mandant.confirms()
    mandant.posts({**carried, "mandataire-birth_name": "Grand"})
    assert "Vous avez déjà une demande en attente" in mandant.page.text
    mandant.confirms()
    assert [file.mandataire.birth_name for file in Procuration.select().order_by(Procuration.id)] == ["Petit", "Grand"]


def test_modifier_brings_the_fields_back_as_they_were(mandant):
    mandant.fills(mandataire__birth_date__month="nov.")
    page = mandant.posts({**mandant.page.fields(), "modifier": "oui"})
    fields = page.fields()
    assert mandant.answer.status_code == 200 and not page.summary
    assert fields["commune"] == ["Lyon (69)"] and fields["mandataire-birth_date-month"] == ["nov."]
    assert len(fields["tours"]) == 2 and fields["declaration"] == ["y"]


def test_the_check_page_tells_a_name_from_a_first_name(mandant):
    check = mandant.fills(mandataire__birth_name="Martin", mandataire__first_names="Camille Lou")
    assert re.search(r"Nom de naissance\s*Martin\s*Prénoms\s*Camille Lou", check.text)


@pytest.mark.parametrize("part, field", [("vous", "email"), ("personne", "mandataire-birth_name"), ("quand", "tours")])
def test_each_part_of_the_check_page_leads_back_to_its_own_fields(mandant, part, field):
    check = mandant.fills()
    button = next(tag for tag in check.all("button") if tag.get("value") == part)
    address, anchor = button["formaction"].split("#")
    form = next(tag for tag in check.all("form") if tag.get("id") == button["form"])
    page = mandant.posts({**check.fields(), button["control"]: part}, address)
    section = next(tag for tag in page.all("section") if tag.get("id") == anchor)
    assert form["action"] == address and field in {tag["control"] for tag in page.within(section, "input")}


def folded(page, name):
    """Is the control hidden in something closed?"""
    control = next(tag for tag in page.all("input") if tag["control"] == name)
    return any(tag["name"] == "details" and "open" not in tag for tag in control["inside"])


@pytest.mark.parametrize("name, filled", [("mandataire-nne", {"mandataire__nne": "123"}),
                                          ("until-day", {"until__day": "4"}), ("until-day", {"until__year": "1999"})])
def test_what_few_people_need_is_folded_and_open_where_it_is_filled_or_wrong(mandant, name, filled):
    assert folded(mandant.opens(), name) and folded(mandant.fills(email=""), name)
    assert not folded(mandant.fills(**filled), name)


def test_a_period_stands_open_where_no_election_is_offered(app, client):
    assert not folded(Mandant(client).opens(), "until-day")


def test_a_link_of_the_summary_never_leads_to_what_is_folded(mandant):
    page = mandant.fills(**{name: "" for name in mandant.opens().fields() if name not in ("csrf_token", "key")})
    for tag in [tag for tag in page.all("a") if tag["href"].startswith("#") and tag["href"] != "#contenu"]:
        target = next(one for one in page.all("input", "select") if one.get("id") == tag["href"][1:])
        assert not folded(page, target["control"]), tag["href"]


def test_a_request_until_a_date_covers_no_tour_by_name(mandant):
    page = mandant.asks(**until(a_day(200)))
    procuration = Procuration.get()
    assert procuration.scrutin is None and procuration.valid_until == a_day(200) and not procuration.tours_vises.count()
    assert "Toutes les élections jusqu’au" in page.text


def test_franceconnect_s_address_is_proposed_and_asked_for_where_there_is_none(mandant, client):
    assert mandant.opens().fields()["email"] == [mandant.row.email]
    nobody = Mandant(client, email=None)
    assert nobody.opens().fields()["email"] == [""]
    assert "Écrivez votre courriel" in nobody.fills(email="").error_at("email")


def test_the_identity_comes_from_franceconnect_and_cannot_be_typed(mandant):
    page = mandant.opens()
    assert mandant.row.birth_name in page.text and "17 mai 1980" in page.text
    mandant.asks(birth_name="Usurpateur", mandant__birth_name="Usurpateur", voter="999")
    assert Procuration.get().mandant.birth_name == mandant.row.birth_name


def test_fields_that_are_not_ours_change_nothing(mandant):
    extra = {"status": "validee", "commune_id": "75056", "agent": "1", "version": "9", "origin": "paper"}
    mandant.fills(**extra)
    mandant.confirms(**extra)
    procuration = Procuration.get()
    assert (procuration.status, procuration.version, procuration.origin) == ("deposee", 0, "online")
    assert procuration.commune_id == "69123" and procuration.officer is None


def test_a_repeated_parameter_counts_once(mandant):
    mandant.fills()
    mandant.confirms(**{name: value * 2 for name, value in mandant.page.fields().items()})
    assert mandant.answer.status_code == 303 and Procuration.select().count() == 1


def test_who_votes_in_the_same_commune_is_named_by_a_tick(mandant):
    check = mandant.fills(mandataire__registered_in="", mandataire__same_commune="y")
    assert check.text.count("Lyon (69)") == 3  # the birth place, and both communes
    mandant.posts({**check.fields(), "modifier": "personne"})
    assert mandant.page.fields()["mandataire-same_commune"] == ["y"]
    mandant.posts(mandant.page.fields())
    mandant.confirms()
    assert Procuration.get().mandataire.commune.code == "69123"


def test_the_same_commune_and_another_one_are_one_too_many(mandant):
    a_commune("75056")
    page = mandant.fills(mandataire__registered_in="Paris", mandataire__same_commune="y")
    assert mandant.answer.status_code == 422 and "Décochez la case" in page.error_at("mandataire-registered_in")
    assert mandant.fills(mandataire__registered_in="lyon", mandataire__same_commune="y").title.startswith("Relire")


def test_a_shared_commune_that_is_not_known_is_asked_for_once(mandant):
    a_commune("46260"), a_commune("69189")
    both = {"mandataire__registered_in": "", "mandataire__same_commune": "y"}
    page = mandant.fills(commune="Sainte-Colombe", **both)
    assert page.error_at("commune") and not page.error_at("mandataire-registered_in")
    mandant.posts({**page.fields(), "commune_code": "46260"})
    mandant.confirms()
    assert Procuration.get().mandataire.commune == Procuration.get().commune


# --- Communes -------------------------------------------------------------------------------------------------------

def test_a_name_borne_by_several_communes_asks_which(mandant):
    a_commune("46260"), a_commune("69189")
    page = mandant.fills(commune="sainte colombe")
    assert mandant.answer.status_code == 422 and "2 communes" in page.error_at("commune")
    assert set(page.choices("commune_code")) == {"46260", "69189"}
    fields = {**page.fields(), "commune_code": "46260"}
    assert "Sainte-Colombe (46)" in mandant.posts(fields).text
    mandant.confirms()
    assert Procuration.get().commune.code == "46260"


def test_a_mistyped_name_gets_suggestions_that_can_be_chosen(mandant):
    page = mandant.fills(mandataire__registered_in="Lyonn")
    assert page.choices("mandataire-registered_in_code") == ["69123"]
    assert mandant.posts({**page.fields(), "mandataire-registered_in_code": "69123"}).title.startswith("Relire")


@pytest.mark.parametrize("code", ["75056", "99999", "abc", "-1", "9" * 30, "' OR 1=1", "\x00"])
def test_a_forged_choice_of_commune_is_no_choice(mandant, code):
    a_commune("46260"), a_commune("69189"), a_commune("75056")
    page = mandant.fills(commune="Sainte-Colombe", commune_code=code, confirmer="oui")
    assert mandant.answer.status_code == 422 and page.error_at("commune") and rows()[0] == 0


def test_an_old_name_says_what_it_became(mandant):
    a_name_of("69123", "Vaise", "deleguee", "69999")
    page = mandant.fills(commune="Vaise")
    assert "Vaise fait aujourd’hui partie de Lyon (69)" in page.text


def test_once_the_commune_is_known_only_its_tours_are_offered(mandant):
    elsewhere = a_scrutin(territory="972", name="Élections de la Martinique")
    assert elsewhere.name in mandant.opens().text
    page = mandant.fills(tours=[str(elsewhere.tours[0].id)])
    assert "pas de vote à Lyon (69)" in page.error_at("tours")
    assert elsewhere.name not in page.all("form")[-1]["text"].replace(page.error_at("tours"), "")


def test_the_tours_of_a_scrutin_stand_together_the_first_to_vote_before_the_others(mandant, scrutin):
    later, sooner = a_scrutin(in_days=33), a_scrutin(in_days=20)
    wanted = [str(tour.id) for one in (sooner, scrutin, later) for tour in one.tours.order_by(Tour.number)]
    assert mandant.opens().choices("tours") == wanted


def test_the_local_day_of_the_commune_is_shown_and_counts(mandant, scrutin):
    a_commune("97209")
    first, second = scrutin.tours.order_by(Tour.number)
    for tour in (first, second):
        TourDay.create(tour=tour, territory="972", day=tour.day - datetime.timedelta(days=1))
    page = mandant.fills(commune="Fort-de-France")
    assert loosen(catalogue.day(first.day - datetime.timedelta(days=1), "full")) in page.text
    mandant.confirms()
    assert Procuration.get().valid_until == second.day - datetime.timedelta(days=1)


def test_a_tour_that_is_not_held_in_the_commune_is_refused(mandant, scrutin):
    TourDay.create(tour=scrutin.tours.order_by(Tour.number)[1], territory="69", day=None)
    assert "pas de vote à Lyon (69)" in mandant.fills().error_at("tours")


def test_without_any_election_a_period_remains(app, client):
    a_commune()
    mandant = Mandant(client)
    assert "Aucune élection n’est ouverte" in mandant.opens().text
    mandant.asks(**until(a_day(100)))
    assert Procuration.select().count() == 1


# --- What is refused ------------------------------------------------------------------------------------------------

LONG = "a" * 10_000
BAD = [
    ("email", "", "Écrivez votre courriel"),
    ("email", "pas une adresse", "ne peut pas exister"),
    ("email", f"{LONG}@exemple.fr", "ne peut pas exister"),
    ("email", "a\r\nBcc: b@exemple.fr", "ne peut pas exister"),
    ("email", "é@exemple.fr", "ne peut pas exister"),
    ("email", "a\u202eb@exemple.fr", "ne peut pas exister"),
    ("commune", "", "Écrivez le nom de la commune"),
    ("commune", "Atlantide", "Aucune commune"),
    ("commune", LONG, "Aucune commune"),
    ("commune", "Ly\x00on", "Aucune commune"),
    ("commune", "Ly\u202eon", "Aucune commune"),
    ("mandataire-birth_name", "", "Écrivez le nom de naissance"),
    ("mandataire-birth_name", LONG, "dépasse 100 caractères"),
    ("mandataire-birth_name", "Pe\x00tit", "contient un caractère"),
    ("mandataire-birth_name", "Pe\ntit", "contient un caractère"),
    ("mandataire-birth_name", "Pe\u202etit", "contient un caractère"),
    ("mandataire-birth_name", "Пети", "contient un caractère"),
    ("mandataire-birth_name", "Petit<script>", "contient un caractère"),
    ("mandataire-birth_name", "1234", "aucune lettre"),
    ("mandataire-first_names", "   ", "Écrivez tous les prénoms"),
    ("mandataire-first_names", LONG, "dépassent 100 caractères"),
    ("mandataire-first_names", "Sa\u200bcha", "contiennent un caractère"),
    ("mandataire-sex", "", "Indiquez le sexe"),
    ("mandataire-sex", "X", "Indiquez le sexe"),
    ("mandataire-birth_date-day", "", "incomplète"),
    ("mandataire-birth_date-day", "31/02", "n’existe pas"),
    ("mandataire-birth_date-day", "9" * 10_000, "n’existe pas"),
    ("mandataire-birth_date-day", "٣", "n’existe pas"),
    ("mandataire-birth_date-month", "jui", "n’existe pas"),
    ("mandataire-birth_date-month", "13", "n’existe pas"),
    ("mandataire-birth_date-month", "9" * 10_000, "n’existe pas"),
    ("mandataire-birth_date-year", "26", "quatre chiffres"),
    ("mandataire-birth_date-year", "9" * 10_000, "quatre chiffres"),
    ("mandataire-birth_date-year", "1796", "trop ancienne"),
    ("mandataire-birth_date-year", "2999", "dans l’avenir"),
    ("mandataire-birth_date-year", "0000", "n’existe pas"),
    ("mandataire-registered_in", "Atlantide", "Aucune commune"),
    ("mandataire-nne", "abcdefgh", "8 ou 9 chiffres"),
    ("mandataire-nne", "1234567", "8 ou 9 chiffres"),
    ("mandataire-nne", "9" * 10_000, "8 ou 9 chiffres"),
    ("mandataire-nne", "٧٧٦٩٢٢٩٥٩", "8 ou 9 chiffres"),
    ("tours", "abc", "n’est plus proposée"),
    ("tours", "-1", "n’est plus proposée"),
    ("tours", "9" * 30, "n’est plus proposée"),
    ("tours", None, "cochez au moins un tour"),
    ("declaration", None, "Cochez la déclaration"),
    ("declaration", "false", "Cochez la déclaration"),
]


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _, _ in BAD))
def test_what_is_wrong_is_said_at_the_field_and_in_the_summary_and_nothing_is_written(mandant, name):
    for typed, sentence in [(typed, sentence) for bad, typed, sentence in BAD if bad == name]:
        Hit.delete().execute()  # more tries than an hour allows
        for confirmer in (None, "oui"):
            page = mandant.fills(**{name: typed, "confirmer": confirmer})
            assert mandant.answer.status_code == 422 and page.title.startswith("Erreur : "), typed
            assert sentence in page.error_at(group_of(name)) and sentence in page.summary, typed
            assert rows() == [0] * len(FACTS), typed
            if typed and typed.isprintable() and name not in ("tours", "mandataire-sex", "declaration"):
                assert page.fields()[name] == [typed]


def group_of(name):
    """The field that answers for a control: a date for its parts."""
    return re.sub("-(day|month|year)$", "", name)


@pytest.mark.parametrize("day, month", [("31", "2"), ("30", "février"), ("00", "5x"), ("0", "13")])
def test_a_day_that_does_not_exist_is_refused(mandant, day, month):
    page = mandant.fills(**{"mandataire-birth_date-day": day, "mandataire-birth_date-month": month})
    assert "n’existe pas" in page.error_at("mandataire-birth_date")


@pytest.mark.parametrize("typed, kept", [
    ("07 11 1975", "1975-11-07"), ("1er Août 1980", "1980-08-01"), ("1 fevr. 1980", "1980-02-01"),
    ("29 février 2000", "2000-02-29"), ("00 00 1953", "1953-00-00"), ("0 5 1953", "1953-05-00")])
def test_a_birth_date_is_read_leniently(mandant, typed, kept):
    parts = zip(("day", "month", "year"), typed.split())
    mandant.asks(**{f"mandataire-birth_date-{part}": text for part, text in parts})
    assert Procuration.get().mandataire.birth_date == kept


@pytest.mark.parametrize("name", ["d’Œuvre-Łukasz", "N'Diaye", "Le Gall (dit Bihan)", "Ñuñez", "Dupont 2"])
def test_names_of_the_registry_are_taken_as_they_are(mandant, name):
    mandant.asks(mandataire__birth_name=name)
    assert Procuration.get().mandataire.birth_name == name


def test_neither_commune_nor_number_names_nobody(mandant):
    page = mandant.fills(mandataire__registered_in="", mandataire__nne=" ")
    assert "L’un des deux suffit" in page.error_at("mandataire-registered_in")


@pytest.mark.parametrize("day, sentence", [
    (lambda: a_day(-1), "déjà passée"), (lambda: now().date() + relativedelta(years=1, days=2), "trop éloignée"),
    (lambda: datetime.date(9999, 12, 31), "trop éloignée"), (lambda: datetime.date(1, 1, 1), "déjà passée")])
def test_a_period_ends_within_a_year(mandant, day, sentence):
    fields = until(day())
    fields["until-year"] = fields["until-year"].zfill(4)
    assert sentence in mandant.fills(**fields).error_at("until") and rows()[0] == 0


@pytest.mark.parametrize("typed, sentence", [("31 2 2027", "n’existe pas"), ("1 3 27", "quatre chiffres"),
                                             ("1 mars", "incomplète")])
def test_the_end_of_a_period_is_a_day(mandant, typed, sentence):
    parts = zip(("until-day", "until-month", "until-year"), typed.split())
    assert sentence in mandant.fills(tours=None, **dict(parts)).error_at("until")


def test_a_mandataire_s_ambiguous_commune_asks_which(mandant):
    a_commune("46260"), a_commune("69189")
    page = mandant.fills(mandataire__registered_in="Sainte-Colombe")
    assert "cette personne vote" in page.error_at("mandataire-registered_in")
    assert len(page.choices("mandataire-registered_in_code")) == 2


def test_a_period_of_one_year_is_the_longest(mandant):
    commune = Commune.get()
    mandant.asks(**until(scrutins.today(commune) + relativedelta(years=1)))
    assert Procuration.select().count() == 1


def test_tours_and_a_date_together_are_one_too_many(mandant):
    assert "pas les deux" in mandant.fills(**day_fields("until", a_day(50))).error_at("until")


def test_two_scrutins_are_two_requests(mandant):
    other = a_scrutin(in_days=60)
    tours = [str(tour.id) for tour in Tour.select()]
    assert other.tours.count() and "une seule élection" in mandant.fills(tours=tours).error_at("tours")


def test_a_scrutin_that_is_over_or_not_open_yet_cannot_be_asked_for(mandant):
    past = a_scrutin(in_days=-30)
    future = a_scrutin(in_days=200, opens_at=now() + datetime.timedelta(days=20))
    for scrutin in (past, future):
        page = mandant.fills(tours=[str(scrutin.tours[0].id)], confirmer="oui")
        assert scrutin.name not in page.text
        assert mandant.answer.status_code == 422 and "n’est plus proposée" in page.error_at("tours")


def test_a_tour_whose_local_day_is_over_is_refused(mandant, scrutin):
    first = scrutin.tours.order_by(Tour.number)[0]
    TourDay.create(tour=first, territory="69", day=scrutins.today(Commune.get()) - datetime.timedelta(days=1))
    page = mandant.fills(confirmer="oui")
    assert mandant.answer.status_code == 422 and "déjà passé" in page.error_at("tours") and rows()[0] == 0


def test_a_tour_can_be_asked_for_until_the_end_of_its_day(mandant):
    today = a_scrutin(in_days=0, two_tours=False)
    mandant.asks(tours=[str(today.tours[0].id)])
    assert Procuration.get().scrutin == today


def test_the_form_is_checked_again_when_it_is_confirmed(mandant):
    mandant.fills()
    page = mandant.confirms(**{"mandataire-birth_date-month": "13", "commune": "Atlantide"})
    assert mandant.answer.status_code == 422 and "calendrier" in page.summary and rows()[0] == 0


def test_the_mandataire_is_somebody_else(mandant):
    same = {"mandataire__birth_name": mandant.row.birth_name.upper().replace("-", " "),
            "mandataire__first_names": "camille", "mandataire__birth_date__day": "17",
            "mandataire__birth_date__month": "mai", "mandataire__birth_date__year": "1980"}
    page = mandant.fills(**same)
    assert "une autre personne que vous" in page.error_at("mandataire-birth_name") and mandant.answer.status_code == 422
    assert mandant.fills(**{**same, "mandataire__first_names": "Morgan"}).title.startswith("Relire")


def test_a_form_sent_and_withdrawn_then_changed_is_another_request(mandant):
    mandant.fills()
    carried = mandant.page.fields()
    mandant.confirms()
    first = Procuration.get()
    procedure.retirer(first, mandant.row)
    mandant.posts(carried)
    mandant.confirms()
    assert sorted(file.status for file in Procuration.select()) == ["deposee", "retiree"]


@pytest.mark.parametrize("answers", [{}, {"tours": None, **day_fields("until", a_day(90))}], ids=["tours", "period"])
def test_where_both_must_vote_in_one_commune_the_form_says_so_L72_2021_nouvelle_caledonie(mandant, scrutin, answers):
    Rules.create(scrutin=scrutin, territory="69", **law.RULE_SETS["nouvelle_caledonie"])
    a_commune("75056")
    page = mandant.fills(**{"mandataire-registered_in": "Paris"}, **answers)
    assert "doit voter à Lyon (69)" in loosen(page.error_at("mandataire-registered_in"))
    assert mandant.answer.status_code == 422 and rows()[0] == 0
    assert mandant.fills(**{"mandataire-registered_in": "Lyon"}, **answers).title.startswith("Relire")


def test_the_mandataire_is_eighteen_on_the_eve(mandant, scrutin):
    eve = scrutin.tours.order_by(Tour.number)[0].day - datetime.timedelta(days=1)
    eighteen = eve - relativedelta(years=18)
    page = mandant.fills(**day_fields("mandataire-birth_date", eighteen + datetime.timedelta(days=1)))
    assert "18 ans" in page.error_at("mandataire-birth_date") and mandant.answer.status_code == 422
    assert mandant.fills(**day_fields("mandataire-birth_date", eighteen)).title.startswith("Relire")


def test_a_mandant_under_eighteen_is_told_plainly(scrutin, client):
    mandant = Mandant(client, birth_date=(now().date() - relativedelta(years=16)).isoformat())
    page = mandant.fills(confirmer="oui")
    assert mandant.answer.status_code == 422 and "vous n’aurez pas 18 ans" in page.summary and rows()[0] == 0


@pytest.mark.parametrize("key", [None, "", "garbled", "W10.AAAA", "é\x00", LONG])
def test_a_garbled_key_sends_nothing_and_a_new_one_works(mandant, key):
    page = mandant.fills(key=key, confirmer="oui")
    assert mandant.answer.status_code == 422 and "plus valable" in page.summary and rows()[0] == 0
    mandant.posts({**page.fields(), "confirmer": "oui"})
    assert mandant.answer.status_code == 303


def test_the_key_of_somebody_else_is_worth_nothing(mandant, client):
    theirs = mandant.opens().fields()["key"]
    assert "plus valable" in Mandant(client).fills(key=theirs).summary


def test_a_form_without_its_csrf_token_is_refused(mandant):
    page = mandant.fills(csrf_token=None)
    assert mandant.answer.status_code == 400 and rows()[0] == 0
    assert "Rien n’est perdu" in page.summary and page.fields()["mandataire-birth_name"] == ["Petit"]


# --- Others at the same time ----------------------------------------------------------------------------------------

def test_a_second_request_for_the_same_tour_is_explained_and_allowed(mandant):
    mandant.asks()
    page = mandant.fills(mandataire__birth_name="Grand")
    assert "Vous avez déjà une demande en attente" in page.text and "l’autre sera retirée" in page.text
    mandant.confirms()
    assert Procuration.select().where(Procuration.status == "deposee").count() == 2


def test_a_procuration_already_given_is_explained(mandant, scrutin):
    a_procuration(Status.ETABLIE, voter=mandant.row, scrutin=scrutin, officer=an_officer())
    assert "Vous avez déjà donné procuration" in mandant.fills().text


def test_a_period_meets_the_tours_within_it(mandant):
    mandant.asks(**until(a_day(200)))
    assert "Vous avez déjà une demande en attente" in mandant.fills().text
    assert "Vous avez déjà une demande en attente" in mandant.fills(**until(a_day(10))).text


def test_requests_of_others_and_for_other_scrutins_are_not_mentioned(mandant, scrutin):
    a_procuration(scrutin=scrutin)
    a_procuration(voter=mandant.row, scrutin=a_scrutin(in_days=90))
    assert "Vous avez déjà" not in mandant.fills().text


# --- Who may -------------------------------------------------------------------------------------------------------

def test_the_form_belongs_to_voters(app, client):
    sent_away = client.get("/demande")
    assert (sent_away.status_code, sent_away.location) == (303, "/?suite=/demande")
    assert 'name="suite" value="/demande"' in client.get(sent_away.location).text
    log_in(client, agent=an_agent())
    assert client.get("/demande").status_code == 404


def test_the_confirmation_is_only_the_mandant_s(mandant, client):
    mandant.asks()
    number = Procuration.get().id
    Mandant(client).opens(f"/demande/{number}/confirmation")
    assert client.get(f"/demande/{number}/confirmation").status_code == 404


@pytest.mark.parametrize("number", ["0", "abc", "-1", "9" * 30, "1.5", "9223372036854775808"])
def test_absurd_ids_lead_nowhere(mandant, number):
    mandant.opens(f"/demande/{number}/confirmation")
    assert mandant.answer.status_code == 404


def test_the_confirmation_of_a_request_that_moved_leads_to_the_list(mandant):
    file = a_procuration(Status.RETIREE, voter=mandant.row)
    mandant.opens(f"/demande/{file.id}/confirmation")
    assert mandant.answer.status_code == 303 and fresh(file).status == "retiree"


# --- How much it costs ----------------------------------------------------------------------------------------------

def test_the_form_costs_at_most_five_statements_whatever_is_there(mandant):
    with count_statements() as few:
        mandant.opens()
    a_commune("75056")
    for _ in range(10):
        a_scrutin()
        a_procuration(voter=mandant.row)
    with count_statements() as many:
        mandant.opens()
    assert len(few) == len(many) <= 5, many


@pytest.mark.parametrize("period", [False, True], ids=["tours", "period"])
def test_sending_costs_at_most_sixteen_statements_even_after_a_pause(mandant, period):
    mandant.fills(**(until(a_day(200)) if period else {}))
    WebSession.update(seen_at=now() - datetime.timedelta(minutes=5)).execute()
    with count_statements() as run:
        mandant.confirms()
    assert mandant.answer.status_code == 303 and len(run) <= 16, run


# --- The parts ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("typed, month", [("2", 2), ("02", 2), ("février", 2), ("FÉV", 2), ("juil.", 7), ("jui", None),
                                          ("mai", 5), ("ma", None), ("", None), ("0", 0), ("mars 2020", None)])
def test_months_are_numbers_or_words(typed, month):
    assert fields.month_of(typed) == month


@pytest.mark.parametrize("birth_date, adult", [("2008-00-00", True), ("2008-01-00", True), ("2008-01-01", True),
                                               ("2008-01-02", False)])
def test_someone_born_on_an_unknown_day_gets_the_benefit_of_the_doubt(birth_date, adult):
    assert fields.is_adult(birth_date, datetime.date(2026, 1, 1)) is adult


def test_a_voter_is_recognised_by_the_used_name_too(scrutin, client):
    mandant = Mandant(client, used_name="Lefèvre")
    page = mandant.fills(mandataire__birth_name="LEFEVRE", mandataire__first_names="Camille",
                         **day_fields("mandataire-birth_date", datetime.date(1980, 5, 17)))
    assert page.error_at("mandataire-birth_name")
