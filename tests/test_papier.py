"""Paper acts: typed as fast as they are read, checked and counted like the others, corrected with their history."""
import datetime

import pytest
from dateutil.relativedelta import relativedelta

from admin_views import corrections
from models import Couverture, Mail, Passage, Procuration, Role, Tour, now
from portal import procedure, scrutins
from tests.engines import ONE_ENGINE
from tests.factories import a_commune, a_mandataire, a_procuration, a_scrutin, a_voter, an_agent, fresh, log_in
from tests.paper import WRITTEN
from tests.test_back_office import Desk
from tests.voter import Page, day_fields, with_answers

PATH = "/admin/papier/"
NEXT, OPEN = "Enregistrer et saisir le suivant", "Enregistrer et ouvrir le dossier"


def yesterday(commune=None):
    return scrutins.today(commune or a_commune()) - datetime.timedelta(days=1)


class TownHall(Desk):
    """Somebody with a pile of paper acts."""

    def types(self, button=NEXT, **answers):
        """Open the page, copy an act of yesterday for all tours, but for `answers` (`__` for a hyphen)."""
        self.opens(PATH)
        tours = [tag["value"] for tag in Page(self.text).all("input") if tag["control"] == "tours"]
        written = {**WRITTEN, **day_fields("established_on", yesterday(self.agent.commune)), "tours": tours}
        return self.presses(button, **with_answers(written, answers))

    @property
    def act(self):
        """The one typed last."""
        return Procuration.select().where(Procuration.origin == "paper").order_by(Procuration.id.desc()).first()

    def corrects(self, file, **answers):
        self.opens(f"{PATH}corriger/", id=file.id)
        boxes = [tag for tag in Page(self.text).all("input") if tag["control"] == "tours"]
        ticked = [tag["value"] for tag in boxes if "checked" in tag]
        return self.presses("Voir ce qui change", **with_answers({"tours": ticked}, answers))

    def confirms(self):
        sent = [tag["value"] for tag in Page(self.text).all("input") if tag["control"] == "tours"]
        return self.presses("Corriger", tours=sent)


@pytest.fixture
def desk(app):
    a_scrutin()
    return TownHall(app, an_agent())


# --- Typing ---------------------------------------------------------------------------------------------------------

def test_an_act_is_kept_as_it_is_written_and_counted(desk):
    desk.types(hour="14 h 30", email="angele@exemple.fr", mandant__used_name="Rossi")
    act, local = desk.act, desk.act.established_at.astimezone(scrutins.ZoneInfo("Europe/Paris"))
    assert (act.status, act.origin, act.authority, act.authority_place) == (
        "etablie", "paper", "Claude Bernard, adjudant, OPJ", "Bron")
    assert (local.date(), local.hour, local.minute, act.timed) == (yesterday(), 14, 30, True)
    assert (act.mandant.used_name, act.mandataire.commune_id, act.email) == ("Rossi", "69123", "angele@exemple.fr")
    assert [row.place for row in act.couvertures] == [1, 1]
    assert act.passages.get().act == "saisir"


def test_the_next_act_is_proposed_at_once_with_the_last_authority_and_day(desk):
    desk.types(hour="14:30")
    assert "Enregistrée : n°" in desk.said and "Place obtenue : 1er tour" in desk.said
    fields = Page(desk.text).fields(PATH)
    day = yesterday()
    assert [fields[name] for name in ("authority", "quality", "place", "hour", "mandant-birth_name")] == [
        ["Claude Bernard"], ["adjudant, OPJ"], ["Bron"], [""], [""]]
    assert [fields[f"established_on-{part}"] for part in ("day", "month", "year")] == [
        [str(day.day)], [str(day.month)], [str(day.year)]]
    assert fields["mandataire-registered_in"] == ["Lyon (69)"]


def test_the_file_can_be_opened_instead(desk):
    desk.types(OPEN)
    assert desk.title.startswith("Procuration n°") and "enregistrée" in desk.said


def test_sixty_in_an_hour_by_the_keyboard(desk):
    """A minute each, at three keys a second: no mouse, one page, and Enter is the default button."""
    desk.types()
    page = Page(desk.text)
    form = next(tag for tag in page.all("form") if tag.get("action") == PATH)
    assert [tag["text"].strip() for tag in page.within(form, "button")] == [NEXT, OPEN]
    stops = [tag for tag in page.within(form, "input") if tag.get("type") != "hidden"]
    groups = {tag["control"] for tag in stops if tag.get("type") == "radio"}
    tabs = len([tag for tag in stops if tag.get("type") != "radio"]) + len(groups) - 1
    proposed = ("authority", "quality", "place", "mandataire-registered_in")
    letters = sum(len(text) for name, text in WRITTEN.items() if name not in proposed and not name.endswith("-sex"))
    assert "autofocus" in stops[0] and stops[0]["control"] == "mandant-birth_name"
    assert tabs + letters + len(groups) + 2 + 1 < 180      # the tours ticked, Enter
    assert stops.index(next(tag for tag in stops if tag["control"] == "established_on-year")) > len(stops) - 3


def test_a_double_click_keeps_the_act_once(desk):
    desk.opens(PATH)
    _, sent = desk.form(NEXT)
    tours = [str(tour.id) for tour in Tour.select()]
    sent = {**sent, **WRITTEN, **day_fields("established_on", yesterday()), "tours": tours}
    answers = [desk.client.post(PATH, data=sent) for _ in range(2)]
    assert answers[0].location == answers[1].location and Procuration.select().count() == 1


def test_the_same_act_typed_twice_is_asked_about_then_kept_if_it_is_another(desk):
    desk.types()
    first = desk.act
    desk.types()
    assert desk.page.status_code == 422 and f"existe déjà : la n° {first.id}" in desk.said
    assert Procuration.select().count() == 1
    desk.presses(NEXT, tours=[str(tour.id) for tour in Tour.select()])
    assert Procuration.select().count() == 2


def test_the_same_two_people_another_day_are_another_act(desk):
    desk.types()
    desk.types(**{name.replace("-", "__"): value for name, value in
                  day_fields("established_on", yesterday() - datetime.timedelta(days=1)).items()})
    assert Procuration.select().count() == 2


@pytest.mark.parametrize("answers, said", [
    ({"mandataire__birth_date__year": str(now().year - 10)}, "Le mandataire n’aura pas 18 ans"),
    ({"mandant__birth_date__year": str(now().year - 10)}, "Le mandant n’aura pas 18 ans"),
    ({"mandataire__birth_name": "Orsatelli", "mandataire__first_names": "Angèle Marie",
      "mandataire__birth_date__day": "3", "mandataire__birth_date__month": "2",
      "mandataire__birth_date__year": "1950"}, "mêmes nom, prénoms"),
])
def test_what_the_law_does_not_allow_is_asked_about_and_can_be_kept(desk, answers, said):
    desk.types(**answers)
    assert said in desk.said and not Procuration.select().count()
    desk.presses(NEXT, tours=[str(tour.id) for tour in Tour.select()])
    assert Procuration.select().count() == 1


def test_a_period_longer_than_a_year_is_asked_about_R74(desk):
    until = yesterday() + relativedelta(years=1, days=1)
    period = {name.replace("-", "__"): value for name, value in day_fields("until", until).items()}
    desk.types(tours=None, **period)
    assert "plus longtemps que la loi ne le permet" in desk.said
    desk.types(tours=None, abroad="y", **period)
    assert desk.act.abroad and desk.act.valid_until == until, "three years abroad"


@ONE_ENGINE
@pytest.mark.parametrize("field, answers, said", [
    ("mandant-birth_name", {"mandant__birth_name": ""}, "Écrivez le nom de naissance du mandant."),
    ("mandataire-first_names", {"mandataire__first_names": "<b>"}, "Les prénoms du mandataire contiennent"),
    ("mandant-birth_date", {"mandant__birth_date__day": "31"}, "La date de naissance du mandant n’existe pas"),
    ("mandant-birth_date", {"mandant__birth_date__month": "13"}, "n’existe pas"),
    ("mandant-sex", {"mandant__sex": None}, "Indiquez le sexe du mandant"),
    ("mandataire-registered_in", {"mandataire__registered_in": ""}, "L’un des deux suffit"),
    ("mandataire-nne", {"mandataire__nne": "12a"}, "8 ou 9 chiffres"),
    ("email", {"email": "angele@"}, "sera prévenu par la poste"),
    ("tours", {"tours": None}, "cochez un tour ou les deux"),
    ("tours", {"tours": ["999"]}, "n’est plus au calendrier"),
    ("until", {"until__day": "1", "until__month": "1", "until__year": "2099"}, "pas les deux"),
    ("until", {"tours": None, "until__day": "31", "until__month": "12", "until__year": "9999"}, "aussi longtemps"),
    ("authority", {"authority": "Bernard, adjudant"}, "ne contient pas de virgule"),
    ("quality", {"quality": " "}, "Écrivez la qualité"),
    ("place", {"place": "x" * 81}, "tient en 80 caractères"),
    ("established_on", {"established_on__year": "1026"}, "trop ancien"),
    ("established_on", {"established_on__year": "2099"}, "dans l’avenir"),
    ("hour", {"hour": "25:00"}, "s’écrit par exemple"),
])
def test_what_cannot_be_true_is_said_at_its_field(desk, field, answers, said):
    desk.types(**answers)
    assert desk.page.status_code == 422 and not Procuration.select().count()
    assert said in " ".join(Page(desk.text).error_at(field).split()), Page(desk.text).summary
    assert Page(desk.text).fields(PATH)["mandataire-birth_name"] == ["Petit"], "nothing typed is lost"


def test_a_last_day_that_is_over_is_refused(desk):
    desk.types(tours=None, **{name.replace("-", "__"): value for name, value in
                              day_fields("until", yesterday()).items()})
    assert "est passé" in desk.said and not Procuration.select().count()


@ONE_ENGINE
@pytest.mark.parametrize("typed, hour", [("14 h 30", (14, 30)), ("14:30", (14, 30)), ("1430", (14, 30)),
                                         ("930", (9, 30)), ("9h", (9, 0)), ("14H05", (14, 5)), ("0.15", (0, 15))])
def test_an_hour_is_read_as_people_write_it(desk, typed, hour):
    desk.types(hour=typed)
    local = desk.act.established_at.astimezone(scrutins.ZoneInfo("Europe/Paris"))
    assert (local.hour, local.minute) == hour


def test_a_registry_that_does_not_know_the_day_of_birth(desk):
    desk.types(mandant__birth_date__day="00", mandant__birth_date__month="00", mandant__birth_date__year="1953")
    assert desk.act.mandant.birth_date == "1953-00-00"


def test_an_older_paper_act_takes_the_place_and_says_so_without_a_name_L73(desk):
    """The later act is another town hall's: not whose it is."""
    person = a_mandataire(birth_name="Petit", first_names="Sacha", birth_date="1975-11-07")
    later = a_procuration("etablie", commune=a_commune("75056"), voter=a_voter(birth_name="Zorglub"),
                          mandataire=person, scrutin=Tour.get().scrutin)
    desk.types()
    assert "Un acte postérieur perd sa place" in desk.said and "Zorglub" not in desk.text
    assert {row.place for row in Couverture.select().where(Couverture.procuration == later)} == {None}


def test_an_act_after_another_one_is_told_that_it_has_no_place_L73(desk):
    desk.types(hour="10:00")
    desk.types(mandant__birth_name="Durand", hour="11:00")
    assert "Sans place : 1er tour" in desk.said and "Place obtenue" not in desk.said


def test_an_act_of_another_town_hall_is_not_shown_as_the_last_one(app, desk):
    desk.types()
    elsewhere = TownHall(app, an_agent(Role.COMMUNE, a_commune("75056")))
    elsewhere.opens(PATH, apres=desk.act.id)
    assert "Orsatelli" not in elsewhere.text and "Claude Bernard" not in elsewhere.text


def test_days_are_those_of_the_town_hall(app):
    a_scrutin()
    desk = TownHall(app, an_agent(Role.COMMUNE, a_commune("98818")))
    desk.types(hour="23:30")
    assert desk.act.established_at.astimezone(scrutins.ZoneInfo("Pacific/Noumea")).hour == 23


def test_without_an_address_the_decision_goes_by_post_and_with_one_by_mail(desk):
    desk.types(OPEN)
    desk.presses("Valider")
    assert Mail.get(Mail.name == "validee").state == "letter"
    desk.types(OPEN, mandant__birth_name="Durand", mandataire__birth_name="Grand", email="durand@exemple.fr")
    desk.presses("Valider")
    assert Mail.get(Mail.name == "validee", Mail.recipient == "durand@exemple.fr").state == "waiting"


# --- Correcting -----------------------------------------------------------------------------------------------------

def test_a_correction_shows_before_and_after_then_keeps_both(desk):
    desk.types(hour="14:30")
    file = desk.act
    desk.corrects(file, mandataire__birth_name="Petitjean", hour="15:00")
    assert "Nom de naissance du mandataire Petit Petitjean" in desk.said and "14 h 30" in desk.said
    assert desk.act.mandataire.birth_name == "Petit", "nothing is done yet"
    desk.confirms()
    assert "corrigée" in desk.said and "Petitjean" in desk.said
    passage = Passage.get(Passage.act == "corriger")
    assert passage.changes["mandataire.birth_name"] == ["Petit", "Petitjean"]
    assert fresh(file).mandataire.key.startswith("PETITJEAN|")


def test_the_fields_to_correct_hold_what_was_typed(desk):
    desk.types(hour="14:30", email="angele@exemple.fr", mandant__birth_date__day="00")
    desk.corrects(desk.act)
    assert "Rien ne change" in desk.said


def test_a_period_is_corrected_too(desk):
    until = yesterday() + relativedelta(months=6)
    desk.types(tours=None, **{name.replace("-", "__"): value for name, value in day_fields("until", until).items()})
    desk.corrects(desk.act, tours=None, place="Villeurbanne")
    assert "Lieu de l’acte Bron Villeurbanne" in desk.said and "Dernier jour" not in desk.said
    desk.confirms()
    assert desk.act.authority_place == "Villeurbanne"


def test_who_corrects_what_a_colleague_decided_hears_who_was_faster(desk):
    desk.types()
    file = desk.act
    desk.corrects(file, place="Villeurbanne")
    procedure.valider(fresh(file), an_agent(last_name="Rapide"))
    desk.confirms()
    assert desk.page.status_code == 409 and "Rapide" in desk.said and fresh(file).authority_place == "Bron"
    assert desk.opens(f"{PATH}corriger/", id=file.id).page.status_code == 409


def test_who_corrects_what_a_colleague_corrected_compares_again(desk):
    desk.types()
    file = desk.act
    desk.corrects(file, place="Villeurbanne")
    other = TownHall(desk.client.application, an_agent(last_name="Rapide"))
    other.corrects(file, quality="capitaine, OPJ").confirms()
    desk.confirms()
    assert desk.page.status_code == 409 and "Rapide" in desk.said and "capitaine" in desk.said
    desk.confirms()
    assert fresh(file).authority_place == "Villeurbanne"


def test_only_a_paper_act_of_the_own_town_hall_is_corrected(app, desk):
    online = a_procuration("etablie", scrutin=Tour.get().scrutin)
    assert desk.opens(f"{PATH}corriger/", id=online.id).page.status_code == 404
    desk.types()
    elsewhere = TownHall(app, an_agent(Role.COMMUNE, a_commune("75056")))
    assert elsewhere.opens(f"{PATH}corriger/", id=desk.act.id).page.status_code == 404


@pytest.mark.parametrize("column, values, told", [
    ("abroad", [False, True], ("non", "oui")),
    ("mandant.sex", ["F", "M"], ("Féminin", "Masculin")),
    ("mandant.birth_date", ["1953-00-00", "1953-02-01"], ("00/00/1953", "1er février 1953")),
    ("mandataire.nne", [None, "12345678"], (None, "12345678")),
    ("established_at", ["2027-03-01T22:59:59.999999+00:00", "2027-03-01T13:30:00+00:00"],
     ("1er mars 2027", "1er mars 2027 à 14 h 30")),
])
def test_a_change_is_said_in_words(app, column, values, told):
    with app.test_request_context():
        said = corrections.in_words({column: values}, a_commune())[0][1:]
    assert tuple(text and " ".join(text.split()).lower() for text in said) == tuple(
        text and text.lower() for text in told)


# --- The mandant's own page -----------------------------------------------------------------------------------------

def logged_in(client, **columns):
    log_in(client, voter=a_voter(**{"birth_name": "Orsatelli", "first_names": "Angèle Marie", "sex": "F",
                                    "birth_date": "1950-02-03", **columns}))
    return client.get("/mes-procurations").text


def test_a_mandant_sees_the_paper_act_that_names_exactly_them(desk, client):
    desk.types()
    page = logged_in(client)
    assert "saisie par la mairie" in page and "Petit" in page


@pytest.mark.parametrize("columns", [{"first_names": "Angèle"}, {"birth_date": "1950-02-04"}, {"sex": "M"},
                                     {"birth_name": "Orsatello"}])
def test_nobody_else_sees_it(desk, client, columns):
    desk.types()
    assert "Petit" not in logged_in(client, **columns)


def test_somebody_told_apart_sees_it_no_more(desk, client):
    desk.types()
    procedure.distinguer(fresh(desk.act), desk.agent, "mandant")
    assert "Petit" not in logged_in(client)
