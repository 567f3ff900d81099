"""Who looks references up too often, or guesses them, is slowed down, asked for more, then stopped; who is named in a
file leaves it to a colleague."""
import multiprocessing
import re
from contextlib import suppress

import pytest

from models import Agent, Event, Hit, Mail, Passage, Role, SingleUse, Status, WebSession, now
from portal import limits, look_ups, opened_files, outbox, procedure, references, resiliation, separation
from portal.database import open_database
from portal.errors import Refused
from portal.look_ups import BirthDateAsked, LookUpSuspended, TooManyLookUps
from portal.opened_files import UnknownPair, UnknownReference
from portal.separation import OwnFile
from portal.settings import active, use
from tests.engines import ONE_ENGINE
from tests.factories import a_mandataire, a_procuration, a_voter, an_agent, an_officer, fresh, log_in
from tests.lint import Page
from tests.test_officer import TICKS, Counter

BORN = "1980-05-17"             # the mandants of the factories
WRONG = "1980-05-18"
DATED = dict(zip(("birth_date-day", "birth_date-month", "birth_date-year"), ("17", "5", "1980")))


def a_session(officer):
    return WebSession.create(token_hash=f"{officer.id:064}", agent=officer, login="x")


def looks_up(officer, session, reference, birth_date=None):
    """The kind of the refusal, None when the file is opened. A minute passes between two look-ups."""
    Hit.delete().where(Hit.key == limits._key(look_ups.OFTEN[0], officer.id)).execute()
    try:
        opened_files.look_up(getattr(reference, "code", reference), Agent.get_by_id(officer.id), session, birth_date)
    except Refused as refusal:
        return type(refusal)


def guesses(count):
    """References that no file bears, all different."""
    return ("Z" * (6 - len(word)) + word for word in map(in_letters, range(count)))


def in_letters(number):
    return "".join("BCDFGHJKMN"[int(digit)] for digit in str(number))


@pytest.fixture
def officer(db):
    return an_officer()


@pytest.fixture
def session(officer):
    return a_session(officer)


# --- How often ------------------------------------------------------------------------------------------------------

def test_an_officer_looks_up_ten_references_a_minute(officer, session):
    code = a_procuration().reference.code
    for _ in range(10):
        opened_files.look_up(code, officer, session)
    with pytest.raises(TooManyLookUps) as refused:
        opened_files.look_up(code, officer, session)
    assert 0 < refused.value.retry_after <= 60
    another = an_officer()
    assert opened_files.look_up(code, another, a_session(another))


def test_an_officer_looks_up_three_hundred_references_a_day_found_or_not(officer, session):
    code = a_procuration().reference.code
    for typed in (code, "ZZZZZZ", "B7K"):
        looks_up(officer, session, typed)
    assert limits.times(look_ups.OFTEN[1], officer.id) == 3
    Hit.update(count=300).where(Hit.key == limits._key(look_ups.OFTEN[1], officer.id)).execute()
    assert looks_up(officer, session, code) == looks_up(officer, session, "B7K") == TooManyLookUps


def test_what_cannot_be_a_reference_is_no_guess(officer, session):
    for typed in ("", "B7K", "B7K2M0", "?"):
        looks_up(officer, session, typed)
    assert limits.times(look_ups.MISSES, officer.id) == 0 == limits.times(look_ups.GUESSES, officer.id)


def test_what_names_a_file_is_no_miss_whatever_became_of_it(officer, session):
    for status in ("deposee", "retiree", "etablie"):
        looks_up(officer, session, a_procuration(status).reference)
    assert limits.times(look_ups.MISSES, officer.id) == 0


# --- The birth date -------------------------------------------------------------------------------------------------

def test_after_three_misses_the_birth_date_is_asked_and_a_wrong_one_answers_like_no_reference(officer, session):
    code = a_procuration().reference.code
    assert [looks_up(officer, session, code) for code in guesses(3)] == [UnknownReference] * 3
    assert looks_up(officer, session, code) == BirthDateAsked
    assert looks_up(officer, session, code, WRONG) == looks_up(officer, session, "ZZZZZZ", BORN) == UnknownPair
    assert limits.times(look_ups.MISSES, officer.id) == 5, "what was only asked is no miss"
    assert looks_up(officer, session, code, BORN) is None
    Hit.update(until=now()).where(Hit.key == limits._key(look_ups.GUESSES, officer.id)).execute()
    assert looks_up(officer, session, code) is None, "a quarter of an hour later"


@pytest.mark.parametrize("registry, typed, opens", [
    ("1953-00-00", "1953-00-00", True), ("1953-00-00", "1953-01-01", True), ("1953-00-00", "1954-00-00", False),
    (BORN, "1980-00-00", False), (BORN, "1980-05-00", False), (BORN, BORN, True)])
def test_a_birth_date_counts_as_far_as_the_registry_says(officer, session, registry, typed, opens):
    code = a_procuration(voter=a_voter(birth_date=registry)).reference.code
    assert looks_up(officer, session, code, typed) == (None if opens else UnknownPair)


def test_a_wrong_birth_date_answers_byte_for_byte_like_an_unknown_reference(app):
    counter, file = Counter(app), a_procuration()
    for typed in guesses(3):
        counter.looks_up(typed)
    answers = []
    for typed in (file.reference.code, "ZZZZZZ"):
        counter.opens().presses("Ouvrir le dossier", reference=typed, **{**DATED, "birth_date-day": "1"})
        answers.append((counter.page.status_code, without_what_was_typed(counter.text)))
        Hit.update(count=3).where(Hit.key == limits._key(look_ups.MISSES, counter.officer.id)).execute()
    assert answers[0] == answers[1] and answers[0][0] == 404
    counter.is_told(404, "avec cette date de naissance").sees_nobody(file)


def without_what_was_typed(page):
    """Nor what is new each time: the token of the form, the seconds of the session."""
    return re.sub(r'value="[^"]*"|<span class="spelled">.*?</span></span>|data-session="[0-9]+"', "", page)


def test_the_counter_asks_for_the_birth_date_beside_the_reference_and_keeps_both(app):
    counter, file = Counter(app), a_procuration()
    assert not fields(counter.opens())
    for typed in guesses(3):
        counter.looks_up(typed)
    assert fields(counter.opens()) == ["birth_date-day", "birth_date-month", "birth_date-year"]
    code = file.reference.code
    counter.looks_up(code).is_told(422, "écrivez aussi la date de naissance", f'value="{code}"')
    counter.presses("Ouvrir le dossier", reference=code, **{**DATED, "birth_date-day": "32"})
    counter.is_told(422, "n’existe pas dans le calendrier", f'value="{code}"', 'value="1980"')
    counter.presses("Ouvrir le dossier", reference=code, **DATED).is_told(200, file.mandant.birth_name)


def fields(counter):
    return [tag["control"] for tag in Page(counter.text).all("input") if (tag["control"] or "").startswith("birth")]


# --- Suspended ------------------------------------------------------------------------------------------------------

def test_of_a_hundred_wrong_look_ups_twenty_are_answered_and_the_right_one_is_refused_too(officer, session):
    right = a_procuration().reference.code
    answers = [looks_up(officer, session, code, BORN) for code in guesses(100)]
    assert answers == [UnknownPair] * 20 + [LookUpSuspended] * 80
    assert looks_up(officer, session, right, BORN) == LookUpSuspended
    assert Event.select().where(Event.act == "recherche_vaine").count() == 20


def test_a_hundred_wrong_look_ups_by_five_processes_at_once_are_answered_twenty_times(settings, officer, session):
    with multiprocessing.get_context("spawn").Pool(5, use, [settings]) as pool:
        answered = sum(pool.map(guess_from_elsewhere, [(officer.id, share) for share in range(5)]))
    assert answered == 20 and Agent.get_by_id(officer.id).look_up_suspended_at
    assert Event.select().where(Event.act == "recherche_suspendue").count() == 1
    assert looks_up(officer, session, a_procuration().reference, BORN) == LookUpSuspended


def guess_from_elsewhere(whose):
    """How many of twenty look-ups were answered, in another process."""
    number, share = whose
    with open_database(active().database_url).connection_context():
        officer = Agent.get_by_id(number)
        session = WebSession.get(WebSession.agent == officer)
        own = list(guesses(100))[share::5]
        return sum(looks_up(officer, session, code, BORN) == UnknownPair for code in own)


def test_a_suspended_look_up_is_told_to_the_ministry_once_without_any_voter(officer, session):
    ministry, left = an_agent("ministry"), an_agent("ministry", suspended_at=now())
    file = a_procuration()
    for code in (*guesses(19), file.reference.code, "ZZZZZZ"):
        looks_up(officer, session, code, WRONG)
    told = list(Mail.select().where(Mail.name == "recherche_suspendue"))
    assert [mail.recipient for mail in told] == [ministry.email] and left.email != ministry.email
    text = outbox.render(told[0].name, told[0].context).text
    assert "Dominique Martin" in text and f"/admin/agents/details/?id={officer.id}" in text
    assert file.mandant.birth_name not in text and file.reference.code not in text
    assert Event.get(Event.act == "recherche_suspendue").actor == officer.id


def test_a_suspended_officer_reads_whom_to_call_and_the_ministry_lifts_it(app):
    counter, file = Counter(app), a_procuration()
    for _ in range(19):
        limits.count((look_ups.MISSES, counter.officer.id))
    counter.looks_up("ZZZZZZ").is_told(404, "C’était la dernière").sees_nobody(file)
    counter.opens().is_told(403, "votre recherche de dossiers est suspendue", "appelez votre hiérarchie")
    assert not [tag for tag in Page(counter.text).all("input") if tag["control"] == "reference"]
    assert counter.opens("/admin/guichet/actes").page.status_code == 200
    ministry = Counter(app, an_agent("ministry"))
    ministry.opens(f"/admin/agents/details/?id={counter.officer.id}").is_told(200, "Recherche de dossiers suspendue")
    ministry.presses("Rétablir la recherche").presses("Rétablir la recherche").is_told(200, "Fait")
    counter.establishes(file).is_told(200, "Procuration établie")
    assert Event.get(Event.act == "recherche_retablie").actor == ministry.officer.id
    ministry.opens(f"/admin/agents/details/?id={counter.officer.id}")
    assert "Rétablir la recherche" not in ministry.text


@pytest.mark.parametrize("role", [Role.OFFICER, Role.COMMUNE, Role.MANAGER])
def test_nobody_but_the_ministry_lifts_it(app, role):
    suspended = an_officer(look_up_suspended_at=now())
    client = app.test_client()
    log_in(client, agent=an_agent(role))
    for path in ("/admin/agents/action/", "/admin/comptes/action/"):
        sent = {"action": "retablir_recherche", "rowid": suspended.id, "confirmer": "oui"}
        assert client.post(path, data=sent).status_code in (400, 404)
    assert Agent.get_by_id(suspended.id).look_up_suspended_at


def test_what_is_not_suspended_cannot_be_lifted(officer):
    with pytest.raises(look_ups.NotSuspended):
        look_ups.lift(an_agent("ministry"), officer)


def test_more_than_two_hundred_misses_an_hour_in_the_country_alert_the_ministry_once(officer, session):
    an_agent("ministry")
    for _ in range(199):
        limits.count((look_ups.OF_THE_COUNTRY, "all"))
    looks_up(officer, session, "ZZZZZZ")
    assert not Event.select().where(Event.act == "recherches_vaines").exists()
    for code in guesses(2):
        looks_up(officer, session, code)
    assert Event.select().where(Event.act == "recherches_vaines").count() == 1
    assert Mail.select().where(Mail.name == "recherches_vaines").count() == 1


# --- Own files ------------------------------------------------------------------------------------------------------

NAMED = {"birth_name": "MARTIN", "first_names": "Andrée Dominique"}


@pytest.mark.parametrize("role", ["mandant", "mandataire"])
def test_an_officer_named_in_a_file_opens_none_of_it_and_the_look_up_leaves_an_event(app, role):
    file = a_procuration(**{"voter": a_voter(**NAMED)} if role == "mandant" else {"mandataire": a_mandataire(**NAMED)})
    counter = Counter(app).looks_up(file.reference)
    counter.is_told(403, "Un collègue doit traiter ce dossier").sees_nobody(file)
    assert not SingleUse.select().where(SingleUse.kind == "file").exists()
    assert Event.get(Event.actor == counter.officer.id, Event.act == "recherche_vaine").subjects == str(file.id)
    assert limits.times(look_ups.MISSES, counter.officer.id) == 0


@ONE_ENGINE
@pytest.mark.parametrize("person, account, own", [
    ({}, {}, True), ({"birth_name": "martin"}, {}, True), ({"first_names": "Camille"}, {}, False),
    ({"birth_name": "DURAND", "used_name": "Martin"}, {}, True), ({"birth_name": "MARTINET"}, {}, False),
    ({"birth_name": "De La Tour"}, {"last_name": "DELATOUR"}, True),
    ({"first_names": "Jean-Pierre Marie"}, {"first_name": "Jean Pierre"}, True),
    ({"first_names": "Dominiquette"}, {}, False),
    ({}, {"birth_date": BORN}, True), ({}, {"birth_date": WRONG}, False),
    ({"birth_date": "1980-00-00"}, {"birth_date": BORN}, True),
    ({"birth_date": "1979-00-00"}, {"birth_date": BORN}, False)])
def test_an_officer_is_known_by_name_and_birth_date(db, person, account, own):
    file = a_procuration(voter=a_voter(**{**NAMED, **person}))
    with suppress(OwnFile):
        separation.check(file, an_officer(**account))
        assert not own
        return
    assert own


@ONE_ENGINE
def test_an_officer_is_known_by_the_address_whatever_the_name(db):
    officer = an_officer(birth_date=WRONG, email="moi@exemple.fr")
    for file in (a_procuration(email="Moi@exemple.fr"), a_procuration(mandataire=a_mandataire(email="moi@Exemple.fr"))):
        with pytest.raises(OwnFile):
            separation.check(file, officer)


def test_the_acts_themselves_refuse_an_officer_who_is_named_in_the_file(officer):
    """Whatever opened the file: the service says no, and writes nothing."""
    waiting = a_procuration(voter=a_voter(**NAMED))
    for act in (lambda: procedure.etablir(waiting, officer),
                lambda: procedure.refuser(waiting, officer, "volonte_non_libre")):
        with pytest.raises(OwnFile):
            act()
    assert fresh(waiting).status == Status.DEPOSEE and Passage.select().where(Passage.agent == officer).count() == 0


def test_an_officer_found_out_after_establishing_cannot_undo_it_nor_end_it(officer):
    file = a_procuration("etablie", officer=officer)
    voter = file.voter
    resiliation.demander(fresh(file), voter)
    Agent.update(email=file.email).where(Agent.id == officer.id).execute()
    named = Agent.get_by_id(officer.id)
    ending = references.find(resiliation.awaited(fresh(file)).code)
    for act in (lambda: procedure.defaire(fresh(file), named, "erreur_de_saisie"),
                lambda: resiliation.etablir(ending, named),
                lambda: resiliation.refuser(ending, named, "volonte_non_libre")):
        with pytest.raises(OwnFile):
            act()
    assert fresh(file).status == Status.ETABLIE


def test_a_file_opened_before_is_refused_at_the_act(app):
    file = a_procuration()
    counter = Counter(app).looks_up(file.reference)
    Agent.update(email=file.email).where(Agent.id == counter.officer.id).execute()
    counter.presses("Établir la procuration", **TICKS).is_told(403, "Un collègue doit traiter ce dossier")
    counter.sees_nobody(file)
    assert fresh(file).status == Status.DEPOSEE


# --- The account that says who the officer is -----------------------------------------------------------------------

@ONE_ENGINE
@pytest.mark.parametrize("typed, kept, sentence", [
    ({"birth_date": "07/11/1975"}, "1975-11-07", None), ({"birth_date": ""}, None, None),
    ({"birth_date": "31/02/1975"}, None, "Écrivez une date de naissance qui existe"),
    ({"unit": "gagnez sur evil.com/x"}, None, "ressemble à une adresse de site"),
    ({"last_name": "a@b"}, None, "ressemble à une adresse de site")])
def test_the_ministry_writes_a_birth_date_and_no_web_address(app, typed, kept, sentence):
    ministry, officer = Counter(app, an_agent("ministry")), an_officer()
    address = f"/admin/agents/edit/?id={officer.id}"
    page = Page(ministry.opens(address).text)
    sent = {tag["control"]: tag.get("value", "") for tag in page.all("input") if tag["control"]}
    ministry.page = ministry.client.post(address, data={**sent, "role": "officer", **typed}, follow_redirects=True)
    ministry.sees(*filter(None, [sentence]))
    assert Agent.get_by_id(officer.id).birth_date == kept and "@" not in Agent.get_by_id(officer.id).last_name
