"""The officer's screen: what is seen and done at the counter, and what is refused there."""
import datetime
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from admin_views.officer import ages
from models import (Couverture, Event, Mail, Passage, Procuration, Reference, Rules, SingleUse, Status, TourDay,
                    WebSession, now)
from portal import outbox, places, procedure, references
from tests.engines import ONE_ENGINE
from tests.factories import (a_commune, a_demande, a_mandataire, a_procuration, a_scrutin, a_voter, an_agent,
                             an_officer, fresh, log_in)
from tests.lint import Page
from tests.statements import count_statements

MINUTE = datetime.timedelta(minutes=1)
TICKS = {"document": "y", "identity": "y", "consent": "y"}


SENT_AS_IS = (None, "hidden")  # a button, what is hidden


class Counter:
    """An officer in front of the screen; `page` is the last answer."""

    def __init__(self, app, officer=None):
        self.officer = officer or an_officer()
        self.client = app.test_client()
        log_in(self.client, agent=self.officer)
        self.opens()

    def opens(self, path="/admin/guichet/"):
        self.page = self.client.get(path, follow_redirects=True)
        return self

    def looks_up(self, typed):
        return self.opens().presses("Ouvrir le dossier", reference=getattr(typed, "code", typed))

    def presses(self, button, **fields):
        """Send the form of a button as a browser does: its hidden fields and what was filled in."""
        action, sent = self.form(button)
        self.page = self.client.post(action, data={**sent, **fields}, follow_redirects=True)
        return self

    def form(self, button):
        page = Page(self.text)
        for form in page.all("form"):
            for pressed in (tag for tag in page.within(form, "button") if tag["text"].strip() == button):
                sent = [*page.within(form, "input"), pressed]
                return pressed.get("formaction", form["action"]), {
                    tag["control"]: tag["value"] for tag in sent if tag["control"] and tag.get("type") in SENT_AS_IS}
        raise AssertionError(f"no button “{button}” on {self.title}")

    def establishes(self, file):
        return self.looks_up(file.reference).presses("Établir la procuration", **TICKS)

    def follows(self, link):
        page = Page(self.text)
        return self.opens(next(tag["href"] for tag in page.all("a") if tag["text"].split("\n")[0].strip() == link))

    @property
    def text(self):
        return self.page.get_data(as_text=True)

    @property
    def title(self):
        return Page(self.text).all("title")[0]["text"]

    def sees(self, *words):
        said = re.sub(r"\s+", " ", self.text)
        assert [word for word in words if word not in said] == []
        return self

    def sees_nobody(self, *files):
        for file in files:
            for person in (file.mandant, file.mandataire):
                assert person.birth_name not in self.text
        return self

    def is_told(self, status, *words):
        assert self.page.status_code == status, self.title
        return self.sees(*words)


@pytest.fixture
def officer(app):
    return Counter(app)


def move(file, **columns):
    Procuration.update(columns).where(Procuration.id == file.id).execute()


def unchanged(file):
    """Nothing was written on the file since `file` was read."""
    return fresh(file).version == file.version and fresh(file).status == file.status


# --- The story ------------------------------------------------------------------------------------------------------

def test_the_first_page_of_an_officer_is_one_field_with_the_focus(officer):
    officer.opens("/admin/")
    page = Page(officer.text)
    typed = [tag for tag in page.all("input") if tag.get("type") == "text"]
    assert [tag["control"] for tag in typed] == ["reference"] and "autofocus" in typed[0]


def test_an_officer_looks_up_compares_establishes_and_types_the_next_one(officer):
    file, following = a_procuration(), a_procuration()
    officer.looks_up(file.reference).is_told(200, file.mandant.birth_name, "Camille Andrée", "17/05/1980",
                                             "17 mai 1980", "Lyon (69)", file.mandataire.birth_name, "1er tour",
                                             file.reference.shown)
    officer.presses("Établir la procuration", **TICKS)
    officer.is_told(200, "Procuration établie", "mairie de Lyon (69)", "Référence suivante").sees_nobody(file)
    assert "autofocus" in next(tag for tag in Page(officer.text).all("input") if tag.get("id") == "reference")
    established = fresh(file)
    assert established.status == Status.ETABLIE and established.officer_id == officer.officer.id
    officer.presses("Ouvrir le dossier", reference=following.reference.code).sees(following.mandant.birth_name)


def test_the_mandant_reads_who_established_and_where(officer):
    file = a_procuration()
    officer.establishes(file)
    told = Mail.get(Mail.procuration == file, Mail.name == "etablie").context
    assert told["authority"] == "Dominique Martin, brigadier-chef, APJ" and told["authority_place"] == "Lyon"
    assert told["day"]


@pytest.mark.parametrize("typed", ["{0} {1}", "{0}-{1}", "  {0}{1}\n", "{0}\u00a0{1}", "{0} – {1}", "\u202e{0}{1}\x00",
                                   "Référence de votre demande : {0} {1}"])
def test_a_reference_is_typed_leniently(officer, typed):
    file = a_procuration()
    code = file.reference.code.lower()
    officer.looks_up(typed.format(code[:3], code[3:])).is_told(200, file.mandant.birth_name)


@pytest.mark.parametrize("typed, code", [
    ("éé\"'ç-", "223496"), ("bàk_2mx", None), ("b-k_mx", None), ("bçk_è-", "B9K876"), ("K7M-2QX", "K7M2QX")])
def test_digits_typed_without_shift_on_a_french_keyboard_are_read(typed, code):
    assert references.read(typed) == code


def test_tours_are_told_on_the_commune_s_own_days(officer):
    scrutin = a_scrutin()
    tour = scrutin.tours.first()
    TourDay.create(tour=tour, territory="972", day=tour.day - datetime.timedelta(days=1))
    file = a_procuration(scrutin=scrutin, commune=a_commune("97209"))
    eve = tour.day - datetime.timedelta(days=1)
    officer.looks_up(file.reference).sees(f"1er tour, le {eve.day} ")


def test_a_period_is_told_by_its_end(officer):
    until = now().date() + datetime.timedelta(days=90)
    file = a_procuration_until(until)
    officer.looks_up(file.reference).sees(f"jusqu’au {until.day} ")


def a_procuration_until(day):
    demande = a_demande()
    return procedure.deposer(type(demande)(commune=demande.commune, mandataire=demande.mandataire, valid_until=day,
                                           email=demande.email, filing_key=demande.filing_key), a_voter())


@pytest.mark.parametrize("email, sentence", [("a@exemple.fr", "prévenu par courriel"), (None, "dites-lui")])
def test_the_officer_knows_whether_the_mandant_is_told(officer, email, sentence):
    officer.establishes(a_procuration(email=email)).is_told(200, sentence)


def test_an_act_without_a_place_stands_and_the_officer_is_warned(officer):
    mandataire, scrutin = a_mandataire(), a_scrutin()
    a_procuration(Status.ETABLIE, mandataire=mandataire, scrutin=scrutin)
    officer.establishes(a_procuration(mandataire=mandataire, scrutin=scrutin))
    officer.is_told(200, "Procuration établie", "la mairie décidera")


# --- What the mandant should hear -----------------------------------------------------------------------------------

def test_an_ordinary_file_has_nothing_to_say(officer):
    officer.looks_up(a_procuration().reference)
    assert "À dire au mandant" not in officer.text


def test_a_mandataire_without_a_place_left_is_told_before_establishing(officer):
    mandataire, scrutin = a_mandataire(), a_scrutin()
    held = a_procuration(Status.ETABLIE, mandataire=mandataire, scrutin=scrutin)
    Couverture.delete().where(Couverture.procuration == held, Couverture.tour == scrutin.tours.first()).execute()
    file = a_procuration(mandataire=mandataire, scrutin=scrutin)
    second = scrutin.tours[1].day
    officer.looks_up(file.reference).sees("À dire au mandant", f"2d tour du {second.day} ", "autant de procurations",
                                          "Vous pouvez établir")
    assert "1er tour du" not in officer.text
    assert held.mandant.birth_name not in officer.text


def test_a_second_place_is_no_caution_where_the_rules_give_two(officer):
    mandataire, scrutin = a_mandataire(), a_scrutin()
    Rules.create(scrutin=scrutin, places_france=2)
    a_procuration(Status.ETABLIE, mandataire=mandataire, scrutin=scrutin)
    officer.looks_up(a_procuration(mandataire=mandataire, scrutin=scrutin).reference)
    assert "autant de procurations" not in officer.text


def test_a_vote_already_given_is_told_before_establishing(officer):
    voter, scrutin = a_voter(), a_scrutin()
    a_procuration(Status.ETABLIE, voter=voter, scrutin=scrutin)
    officer.looks_up(a_procuration(voter=voter, scrutin=scrutin).reference).sees("a déjà donné procuration")


def test_what_is_foreseen_is_what_happens(officer):
    mandataire, scrutin = a_mandataire(), a_scrutin()
    a_procuration(Status.ETABLIE, mandataire=mandataire, scrutin=scrutin)
    file = a_procuration(mandataire=mandataire, scrutin=scrutin)
    foreseen = places.foreseen(file, list(scrutin.tours))
    procedure.etablir(file, officer.officer)
    without = Couverture.select().where(Couverture.procuration == file, Couverture.place.is_null())
    assert {tour.id for tour in foreseen} == {row.tour_id for row in without} and len(foreseen) == 2


@pytest.mark.parametrize("in_days, told", [(0, True), (1, True), (2, False)])
def test_a_vote_of_today_or_tomorrow_leaves_the_town_hall_little_time(officer, in_days, told):
    officer.looks_up(a_procuration(scrutin=a_scrutin(in_days=in_days)).reference)
    assert ("la mairie aura très peu de temps" in officer.text) == told


def test_a_tour_that_is_past_is_said_to_be_past(officer):
    file = a_procuration(scrutin=a_scrutin(in_days=-3))
    officer.looks_up(file.reference).sees("1er tour du", "ce vote est passé")


@pytest.mark.parametrize("columns, sentence", [
    ({"first_names": "Camille Léo"}, "porte le même nom et le même prénom"),
    ({"first_names": "Camille Andrée", "birth_date": "1980-05-17"}, "semblent être la même personne"),
    ({"first_names": "Andrée Camille"}, None)])
def test_a_namesake_is_told_from_the_mandant(officer, columns, sentence):
    voter = a_voter(birth_name="L’Œuvre-Durand")
    mandataire = a_mandataire(birth_name="L'OEUVRE DURAND", **columns)
    officer.looks_up(a_procuration(voter=voter, mandataire=mandataire).reference)
    assert ("À dire au mandant" in officer.text) == bool(sentence)
    officer.sees(*filter(None, [sentence]))


def test_another_request_for_the_same_vote_is_said_to_be_replaced(officer):
    voter, scrutin = a_voter(), a_scrutin()
    first, second = (a_procuration(voter=voter, scrutin=scrutin) for _ in range(2))
    officer.looks_up(second.reference).sees("une autre demande en attente pour le même vote")
    officer.presses("Établir la procuration", **TICKS)
    officer.looks_up(first.reference).is_told(409, "Une autre demande du même mandant", "remplace celle-ci")


@pytest.mark.parametrize("birth_date, day, years", [
    ("1980-05-17", "2026-05-16", [45, 45]), ("1980-05-17", "2026-05-17", [46, 46]),
    ("1980-00-00", "2026-05-17", [45, 46]),
    ("1980-05-00", "2026-05-17", [45, 46]), ("1980-05-00", "2026-06-01", [46, 46]),
    ("1980-05-00", "2026-04-30", [45, 45]),
    ("2008-02-29", "2026-02-28", [17, 17]), ("2008-02-29", "2026-03-01", [18, 18])])
def test_an_age_is_known_as_far_as_the_birth_date_is(birth_date, day, years):
    assert ages(birth_date, datetime.date.fromisoformat(day)) == years


def test_a_birth_date_known_by_its_year_is_shown_as_documents_show_it(officer):
    officer.looks_up(a_procuration(voter=a_voter(birth_date="1953-00-00")).reference)
    officer.sees("00/00/1953", "jour et mois inconnus", " ou ", " ans")


# --- The checklist, the refusal, later ------------------------------------------------------------------------------

@pytest.mark.parametrize("missing, sentence", [
    ("document", "Cochez « Pièce originale"), ("identity", "Cochez « Même identité"),
    ("consent", "Cochez « La personne consent")])
def test_nothing_is_established_before_every_point_is_ticked_R73(officer, missing, sentence):
    file = a_procuration()
    ticks = {name: tick for name, tick in TICKS.items() if name != missing}
    officer.looks_up(file.reference).presses("Établir la procuration", **ticks)
    officer.is_told(422, sentence, file.mandant.birth_name)
    assert officer.title.startswith("Erreur : ") and unchanged(file)
    officer.presses("Établir la procuration", **TICKS).is_told(200, "Procuration établie")


def test_a_tick_must_be_a_tick(officer):
    file = a_procuration()
    officer.looks_up(file.reference).presses("Établir la procuration", **{**TICKS, "consent": "false"}).is_told(422)
    assert unchanged(file)


def test_a_refusal_is_confirmed_with_a_reason(officer):
    file = a_procuration()
    officer.looks_up(file.reference).presses("Refuser…").is_told(200, "La pièce présentée ne prouve pas l’identité")
    assert unchanged(file)
    officer.presses("Relire avant de refuser").is_told(422, "Choisissez un motif dans la liste.")
    officer.presses("Relire avant de refuser", reason="parce_que").is_told(422, "Choisissez un motif dans la liste.")
    assert unchanged(file)
    officer.presses("Relire avant de refuser", reason="piece_non_probante")
    officer.is_told(200, "ne peut pas être défait", "Votre procuration n’a pas été établie", "Revenez avec une pièce")
    assert unchanged(file)
    officer.presses("Refuser la demande").is_told(200, "Établissement refusé")
    officer.sees_nobody(file)
    assert fresh(file).status == Status.REFUSEE
    assert Passage.get(Passage.procuration == file, Passage.act == "refuser").reason == "piece_non_probante"


def test_a_refusal_is_turned_back_from_at_each_step(officer):
    file = a_procuration()
    officer.looks_up(file.reference).presses("Refuser…").presses("Revenir au dossier")
    officer.is_told(200, file.mandant.birth_name).presses("Refuser…")
    officer.presses("Relire avant de refuser", reason="volonte_non_libre").presses("Changer de motif")
    chosen = [tag["value"] for tag in Page(officer.text).all("input") if "checked" in tag]
    assert chosen == ["volonte_non_libre"]
    officer.presses("Relire avant de refuser", reason="demande_du_mandant").sees("À la demande du mandant")
    officer.presses("Revenir au dossier").presses("Établir la procuration", **TICKS).is_told(200, "Procuration établie")
    assert fresh(file).status == Status.ETABLIE


def test_each_reason_says_what_the_mandant_will_read(officer):
    officer.looks_up(a_procuration().reference).presses("Refuser…")
    officer.sees("Revenez avec une pièce", "Une procuration se donne librement", "Votre demande prend fin",
                 "doit être celle de votre pièce d’identité")


def test_the_mail_read_before_is_the_mail_sent(officer):
    file = a_procuration()
    officer.looks_up(file.reference).presses("Refuser…").presses("Relire avant de refuser", reason="volonte_non_libre")
    shown = next(tag["text"] for tag in Page(officer.text).all("pre"))
    officer.presses("Refuser la demande")
    sent = Mail.get(Mail.procuration == file, Mail.name == "refusee")
    assert shown.split() == outbox.render("refusee", sent.context).text.split()


def test_who_gave_no_address_is_to_be_told_by_word_of_mouth(officer):
    officer.looks_up(a_procuration(email=None).reference).presses("Refuser…")
    officer.presses("Relire avant de refuser", reason="demande_du_mandant").is_told(200, "dites-lui")


@pytest.mark.parametrize("button", ["Refuser la demande", "Revenir au dossier", "Changer de motif"])
def test_a_confirmation_that_comes_too_late_does_nothing(officer, button):
    file = a_procuration()
    officer.looks_up(file.reference).presses("Refuser…").presses("Relire avant de refuser", reason="volonte_non_libre")
    SingleUse.update(expires_at=now() - MINUTE).execute()
    officer.presses(button).is_told(409, "n’est plus ouvert").sees_nobody(file)
    assert unchanged(file)


def test_later_changes_nothing_and_closes_the_file(officer):
    file = a_procuration()
    officer.looks_up(file.reference)
    action, sent = officer.form("Établir la procuration")
    officer.presses("Plus tard, sans rien changer").is_told(200, "rien n’a changé").sees_nobody(file)
    assert unchanged(file)
    officer.page = officer.client.post(action, data={**sent, **TICKS}, follow_redirects=True)
    officer.is_told(409, "n’est plus ouvert")
    assert unchanged(file)
    officer.establishes(file).is_told(200, "Procuration établie")


# --- Every sentence -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("typed, fault", [
    ("", "Tapez la référence"), ("B7K2M", "celle-ci en a 5"), ("B7K2MXX", "celle-ci en a 7"),
    ("B7K2M0", "ne contient : 0."), ("b7olmo", "ne contient : O, L."), ("%%%%%%", "ne contient : %."),
    ("B" * 10_000, "celle-ci en a 80"), ("<script>", "ne contient : &lt;, I, &gt;."),
    ("\u202e\x00", "Tapez la référence")])
def test_what_cannot_be_a_reference_is_told_what_is_wrong_with_it(officer, typed, fault):
    officer.looks_up(typed).is_told(422, "Une référence compte 6 caractères", fault)
    assert officer.title.startswith("Erreur : Guichet")


def test_a_procuration_one_established_oneself_is_said_to_be_so(officer):
    file = a_procuration()
    officer.establishes(file).looks_up(file.reference).is_told(409, "rien n’est à refaire", "par vous")


@pytest.mark.parametrize("status", [Status.RETIREE, Status.REFUSEE, Status.CADUQUE, Status.ETABLIE])
def test_whatever_is_refused_what_was_typed_is_kept(officer, status):
    code = a_procuration(status).reference.code
    officer.looks_up(f" {code.lower()}").is_told(409, f'value=" {code.lower()}"', "nouvelle demande")


def test_an_unknown_reference_is_said_to_be_unknown_and_kept_to_be_compared(officer):
    officer.looks_up("ZZZ ZZZ").is_told(404, "Aucune demande ne porte cette référence", 'value="ZZZ ZZZ"')


@pytest.mark.parametrize("status", [Status.ETABLIE, Status.VALIDEE, Status.INVALIDEE, Status.ANNULEE, Status.RESILIEE])
def test_a_used_reference_says_when_it_was(officer, status):
    file = a_procuration(status)
    officer.looks_up(file.reference).is_told(409, "a déjà été établie", "Procuration établie le ", "par la police")
    officer.sees_nobody(file)


@pytest.mark.parametrize("status, sentence", [(Status.RETIREE, "Le mandant a retiré cette demande le"),
                                              (Status.REFUSEE, "a été refusée"),
                                              (Status.CADUQUE, "devait être présentée au plus tard le")])
def test_a_request_that_ended_says_how(officer, status, sentence):
    file = a_procuration(status)
    officer.looks_up(file.reference).is_told(409, sentence).sees_nobody(file)


def test_a_request_nobody_presented_in_time_is_lapsed_before_the_clock_says_so(officer):
    file = a_procuration()
    move(file, lapses_at=now() - MINUTE)
    officer.looks_up(file.reference).is_told(409, "devait être présentée au plus tard le").sees_nobody(file)


@pytest.mark.parametrize("status", [Status.DEPOSEE, Status.CADUQUE])
def test_a_poll_that_is_over_is_said_to_be_over(officer, status):
    file = a_procuration(status)
    move(file, valid_until=now().date() - datetime.timedelta(days=2), lapses_at=now() - MINUTE)
    officer.looks_up(file.reference).is_told(422, "Le scrutin est terminé").sees_nobody(file)


def test_each_look_up_leaves_one_event(officer):
    file, used = a_procuration(), a_procuration(Status.ETABLIE)
    for typed in (file.reference, "ZZZZZZ", used.reference):
        officer.looks_up(typed)
    events = Event.select().where(Event.actor == officer.officer.id, Event.role == "officer",
                                  Event.act.in_(("consulter", "recherche_vaine"))).order_by(Event.id)
    assert [(event.act, event.subjects) for event in events] == [
        ("consulter", str(file.id)), ("recherche_vaine", ""), ("recherche_vaine", str(used.id))]


# --- One officer, one session, 15 minutes, once ---------------------------------------------------------------------

def test_a_double_click_establishes_once_and_says_it_is_done(officer):
    file = a_procuration()
    officer.looks_up(file.reference)
    action, sent = officer.form("Établir la procuration")
    for _ in range(2):
        officer.page = officer.client.post(action, data={**sent, **TICKS}, follow_redirects=True)
        officer.is_told(200, "Procuration établie")
    assert Passage.select().where(Passage.procuration == file, Passage.act == "etablir").count() == 1
    assert Mail.select().where(Mail.procuration == file, Mail.name == "etablie").count() == 1


def test_two_clicks_at_the_same_instant_establish_once(app, officer):
    file = a_procuration()
    officer.looks_up(file.reference)
    action, sent = officer.form("Établir la procuration")
    cookie = officer.client.get_cookie("maprocuration").value

    def click(_):
        hand = app.test_client()
        hand.set_cookie("maprocuration", cookie)
        return hand.post(action, data={**sent, **TICKS})
    with ThreadPoolExecutor(2) as hands:
        first, second = hands.map(click, range(2))
    assert first.status_code == second.status_code == 303 and first.location == second.location
    assert Passage.select().where(Passage.procuration == file, Passage.act == "etablir").count() == 1


def test_a_file_opened_by_somebody_else_cannot_be_used(app, officer):
    file, thief = a_procuration(), Counter(app)
    officer.looks_up(file.reference)
    thief.looks_up(a_procuration().reference)
    stolen = officer.form("Établir la procuration")[1]["file"]
    thief.presses("Établir la procuration", **TICKS, file=stolen).is_told(409, "n’est plus ouvert").sees_nobody(file)
    assert unchanged(file)
    officer.presses("Établir la procuration", **TICKS).is_told(200, "Procuration établie")


def test_a_file_opened_in_another_session_of_the_same_officer_cannot_be_used(app, officer):
    file, elsewhere = a_procuration(), Counter(app, officer.officer)
    officer.looks_up(file.reference)
    elsewhere.looks_up(a_procuration().reference)
    carried = officer.form("Établir la procuration")[1]["file"]
    for button in ("Établir la procuration", "Refuser…"):
        elsewhere.looks_up(a_procuration().reference).presses(button, **TICKS, file=carried).is_told(409)
        elsewhere.sees_nobody(file)
    assert unchanged(file)


def test_nobody_closes_the_file_of_another(app, officer):
    officer.looks_up(a_procuration().reference)
    thief = Counter(app).looks_up(a_procuration().reference)
    thief.presses("Plus tard, sans rien changer", file=officer.form("Plus tard, sans rien changer")[1]["file"])
    officer.presses("Établir la procuration", **TICKS).is_told(200, "Procuration établie")


@pytest.mark.parametrize("button", ["Établir la procuration", "Refuser…"])
def test_a_file_stays_open_15_minutes(officer, button):
    file = a_procuration()
    officer.looks_up(file.reference)
    assert now() + 14 * MINUTE < SingleUse.get(SingleUse.kind == "file").expires_at <= now() + 15 * MINUTE
    SingleUse.update(expires_at=now()).where(SingleUse.kind == "file").execute()
    officer.presses(button, **TICKS).is_told(409, "n’est plus ouvert").sees_nobody(file)
    assert unchanged(file)


@pytest.mark.parametrize("forged", ["", "abc", "1", "é" * 50, "x" * 10_000, "\x00"])
def test_an_act_without_an_opened_file_does_nothing(officer, forged):
    file = a_procuration()
    officer.looks_up(file.reference).presses("Établir la procuration", **TICKS, file=forged, id=file.id)
    officer.is_told(409, "n’est plus ouvert").sees_nobody(file)
    assert unchanged(file)


@ONE_ENGINE
@pytest.mark.parametrize("path", ["", "dossier", "etablir", "refuser", "refuser/confirmer", "plus-tard",
                                  "actes/1/defaire"])
def test_a_forged_form_is_refused(officer, path):
    file = a_procuration()
    officer.looks_up(file.reference)
    opened = officer.form("Établir la procuration")[1]["file"]
    data = {**TICKS, "file": opened, "reference": file.reference.code, "reason": "demande_du_mandant"}
    assert officer.client.post(f"/admin/guichet/{path}", data=data).status_code == 400
    assert unchanged(file)


def test_no_address_shows_a_file(officer):
    file = a_procuration()
    officer.looks_up(file.reference)
    opened = officer.form("Établir la procuration")[1]["file"]
    for path in ("", "dossier", "etablir", "refuser", "refuser/confirmer", "plus-tard", "actes"):
        officer.opens(f"/admin/guichet/{path}?reference={file.reference.code}&file={opened}&id={file.id}")
        officer.sees_nobody(file)
    assert file.reference.code not in officer.page.request.path


def test_the_mandant_who_withdraws_meanwhile_wins_and_the_officer_is_told(officer):
    file = a_procuration()
    officer.looks_up(file.reference)
    procedure.retirer(fresh(file), file.voter)
    events = Event.select().count()
    officer.presses("Établir la procuration", **TICKS).is_told(409, "Demande retirée", "par le mandant")
    assert fresh(file).status == Status.RETIREE and Event.select().count() == events
    assert not Couverture.select().where(Couverture.procuration == file).exists()
    assert fresh(file).reference.used_at is None


def test_a_file_that_changed_is_not_shown_again(officer):
    file = a_procuration()
    officer.looks_up(file.reference)
    action, sent = officer.form("Établir la procuration")
    procedure.retirer(fresh(file), file.voter)
    officer.presses("Refuser…").is_told(409, "Demande retirée").sees_nobody(file)
    officer.page = officer.client.post(action, data=sent)
    officer.is_told(409, "Demande retirée").sees_nobody(file)


def test_an_act_counts_for_the_file_as_it_was_opened(app, officer):
    file, colleague = a_procuration(), Counter(app)
    officer.looks_up(file.reference)
    colleague.establishes(file).follows("Défaire cet acte").presses("Défaire l’acte", reason="erreur_de_saisie")
    officer.presses("Établir la procuration", **TICKS).is_told(409, "Établissement retiré")
    assert fresh(file).status == Status.DEPOSEE


def test_of_two_officers_the_second_is_told_the_first_was_faster(app, officer):
    file, colleague = a_procuration(), Counter(app)
    officer.looks_up(file.reference)
    colleague.establishes(file)
    officer.presses("Établir la procuration", **TICKS).is_told(409, "Procuration établie le", "par la police")
    assert fresh(file).officer_id == colleague.officer.id


def test_a_poll_that_ends_while_the_file_is_open_is_not_established(officer):
    file = a_procuration()
    officer.looks_up(file.reference)
    move(file, valid_until=now().date() - datetime.timedelta(days=2))
    officer.presses("Établir la procuration", **TICKS).is_told(422, "Le scrutin est terminé")
    assert fresh(file).status == Status.DEPOSEE


# --- Own acts -------------------------------------------------------------------------------------------------------

def test_an_own_act_is_undone_with_a_reason_from_its_page(officer):
    file = a_procuration()
    officer.establishes(file).follows("Défaire cet acte").is_told(200, "Lyon (69)").sees_nobody(file)
    officer.presses("Défaire l’acte").is_told(422, "Choisissez un motif")
    assert fresh(file).status == Status.ETABLIE
    officer.presses("Défaire l’acte", reason="erreur_de_personne").is_told(200, "Établissement retiré")
    assert fresh(file).status == Status.DEPOSEE
    officer.establishes(file).is_told(200, "Procuration établie")


def test_undoing_twice_undoes_once(officer):
    file = a_procuration()
    officer.establishes(file).follows("Défaire cet acte")
    action, sent = officer.form("Défaire l’acte")
    for _ in range(2):
        officer.page = officer.client.post(action, data={**sent, "reason": "erreur_de_saisie"}, follow_redirects=True)
        officer.is_told(200, "Établissement retiré")
    officer.establishes(file)
    officer.page = officer.client.post(action, data={**sent, "reason": "erreur_de_saisie"}, follow_redirects=True)
    officer.is_told(409, "Procuration établie le")
    assert fresh(file).status == Status.ETABLIE, "the link of an act that was undone must not undo the next one"


def test_own_acts_of_the_day_show_hour_act_and_commune_and_nobody(officer):
    established, refused = a_procuration(), a_procuration()
    officer.establishes(established)
    officer.looks_up(refused.reference).presses("Refuser…")
    officer.presses("Relire avant de refuser", reason="identite_differente").presses("Refuser la demande")
    a_procuration(Status.ETABLIE)
    officer.opens("/admin/guichet/actes").is_told(200, "Établie", "Refusée", "Lyon (69)")
    officer.sees_nobody(established, refused)
    assert len(Page(officer.text).all("tr")) == 1 + 2, "those of others are not shown"
    assert established.reference.shown in officer.text.replace("\u00a0", " ")
    officer.sees("Mes actes du jour (2)", "procuration établie", "1</strong> refus", "encore 15 minutes")
    undo = next(tag["href"] for tag in Page(officer.text).all("a") if tag["text"].startswith("Défaire"))
    officer.opens(undo).is_told(200, "Défaire un acte")


def test_yesterday_s_acts_are_gone_from_the_list(officer):
    officer.establishes(a_procuration())
    Passage.update(at=now() - datetime.timedelta(days=1)).where(Passage.act == "etablir").execute()
    act = Passage.get(Passage.act == "etablir").id
    officer.opens("/admin/guichet/actes").sees("Aucun acte aujourd’hui")
    assert officer.opens(f"/admin/guichet/actes/{act}").page.status_code == 404


def test_after_15_minutes_an_act_cannot_be_undone(officer):
    file = a_procuration()
    officer.establishes(file).follows("Défaire cet acte")
    late = now() - 16 * MINUTE
    Passage.update(at=late).where(Passage.act == "etablir").execute()
    move(file, established_at=late)
    officer.presses("Défaire l’acte", reason="erreur_de_saisie").is_told(409, "dans les 15 minutes")
    assert fresh(file).status == Status.ETABLIE


def test_an_act_the_commune_already_decided_cannot_be_undone(officer):
    file = a_procuration()
    officer.establishes(file).follows("Défaire cet acte")
    procedure.valider(fresh(file), an_agent())
    officer.presses("Défaire l’acte", reason="erreur_de_saisie").is_told(409, "Procuration validée le", "par la mairie")
    assert fresh(file).status == Status.VALIDEE
    act = Passage.get(Passage.procuration == file, Passage.act == "etablir").id
    officer.opens(f"/admin/guichet/actes/{act}/defaire").is_told(409, "Procuration validée le")


def test_only_an_establishment_can_be_undone(officer):
    officer.looks_up(a_procuration().reference).presses("Refuser…")
    officer.presses("Relire avant de refuser", reason="identite_differente").presses("Refuser la demande")
    act = Passage.get(Passage.act == "refuser").id
    assert officer.opens(f"/admin/guichet/actes/{act}/defaire").page.status_code == 404


@pytest.mark.parametrize("number", ["0", "999999", "9" * 30, "abc", "-1"])
@pytest.mark.parametrize("path", ["", "/defaire"])
def test_an_act_that_is_no_act_is_not_found(officer, number, path):
    assert officer.opens(f"/admin/guichet/actes/{number}{path}").page.status_code == 404


def test_the_act_of_a_colleague_is_neither_shown_nor_undone(app, officer):
    file = a_procuration()
    officer.establishes(file)
    colleague = Counter(app).establishes(a_procuration()).follows("Défaire cet acte")
    act = Passage.get(Passage.procuration == file, Passage.act == "etablir").id
    token = colleague.form("Défaire l’acte")[1]
    assert colleague.client.get(f"/admin/guichet/actes/{act}").status_code == 404
    answer = colleague.client.post(f"/admin/guichet/actes/{act}/defaire", data={**token, "reason": "erreur_de_saisie"})
    assert answer.status_code == 404 and fresh(file).status == Status.ETABLIE


# --- Who may --------------------------------------------------------------------------------------------------------

TODAY = now().date()
DAY = datetime.timedelta(days=1)


@pytest.mark.parametrize("dates", [{"habilitated_from": TODAY + 2 * DAY}, {"habilitated_until": TODAY - 2 * DAY}])
def test_outside_the_dates_of_the_habilitation_nothing_is_shown_or_done_R72_1(app, dates):
    file = a_procuration()
    officer = Counter(app)
    officer.looks_up(file.reference)
    type(officer.officer).update(dates).where(type(officer.officer).id == officer.officer.id).execute()
    officer.presses("Établir la procuration", **TICKS).is_told(403, "Votre habilitation ne couvre pas")
    officer.sees_nobody(file)
    assert unchanged(file)
    officer.opens().is_told(403, "Votre habilitation ne couvre pas")


def test_an_habilitation_that_covers_today_is_enough(app):
    officer = Counter(app, an_officer(habilitated_from=TODAY - DAY, habilitated_until=TODAY + DAY))
    officer.establishes(a_procuration()).is_told(200, "Procuration établie")


@pytest.mark.parametrize("missing", ["quality", "place"])
def test_an_authority_without_quality_or_place_is_told_to_have_them_completed(app, missing):
    Counter(app, an_officer(**{missing: " "})).is_told(403, "Votre qualité ou votre lieu d’exercice manque")


@pytest.mark.parametrize("path", ["", "actes", "actes/1"])
def test_the_counter_is_for_officers(app, path):
    client = app.test_client()
    for who in ({"agent": an_agent()}, {"agent": an_agent("ministry")}, {"voter": a_voter()}):
        log_in(client, **who)
        assert client.get(f"/admin/guichet/{path}").status_code == 404
    assert app.test_client().get(f"/admin/guichet/{path}").status_code in (302, 303)


# --- Speed ----------------------------------------------------------------------------------------------------------

def test_a_look_up_costs_the_same_few_statements_among_3_and_30_files(app, officer):
    spent = []
    for count in (3, 27):
        code = [a_procuration().reference.code for _ in range(count)][-1]
        action, sent = officer.opens().form("Ouvrir le dossier")
        WebSession.update(seen_at=now() - 2 * MINUTE).execute()  # the dearest case: the session is also kept alive
        with count_statements() as counted:
            officer.client.post(action, data={**sent, "reference": code})
        spent.append(len(counted))
    assert spent[0] == spent[1] <= 16, "\n".join(counted)


def test_own_acts_cost_the_same_few_statements_whatever_their_number(app, officer):
    spent = []
    for count in (1, 9):
        for _ in range(count):
            officer.establishes(a_procuration())
        with count_statements() as counted:
            officer.opens("/admin/guichet/actes")
        spent.append(len(counted))
    assert spent[0] == spent[1] <= 3, counted


def test_a_used_reference_is_free_again_after_an_undone_act(officer):
    file = a_procuration()
    officer.establishes(file)
    assert Reference.get(Reference.procuration == file).used_at
    officer.follows("Défaire cet acte").presses("Défaire l’acte", reason="demande_du_mandant")
    officer.looks_up(file.reference).is_told(200, file.mandant.birth_name)
