"""A changed address: its link comes first, the other mails wait for it, and a mistake can be corrected."""
import datetime
import re
import threading

import pytest

from models import Event, Mail, Procuration, Role, SingleUse, Status, database, now
from portal import addresses, outbox, procedure
from portal.single_use import digest
from tests.engines import ONE_ENGINE
from tests.factories import (a_commune, a_mandataire, a_procuration, a_scrutin, a_voter, an_agent, an_officer, fresh,
                             log_in)
from tests.voter import Mandant

TYPED = "autre.adresse@exemple.fr"
LONG = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 58}.fr"      # 254 characters
UNUSABLE = ["", "sans-arobase", "a@b.fr, c@d.fr", "a@b.fr;c@d.fr", "a@b.fr c@d.fr", "é@exemple.fr", "a\0b@exemple.fr",
            "a@b.fr\r\nBcc: c@d.fr", "a" + LONG, "a@localhost", "<a@b.fr>", "a@b..fr", "@", "x" * 100_000]


@pytest.fixture
def mandant(app):
    app.config["WTF_CSRF_ENABLED"] = False
    a_commune()
    a_scrutin()
    return Mandant(app.test_client())


@pytest.fixture
def anybody(app, mandant):
    """A browser that nobody is logged in with: of a phone that reads the mail, of a mail scanner."""
    return app.test_client()


def a_changed_one(status="deposee", voter=None, email=TYPED, **columns):
    """A file whose mandant typed another address than FranceConnect's."""
    return a_procuration(status, voter=voter or a_voter(), email=email, **columns)


def mails(file, **columns):
    rows = Mail.select().where(Mail.procuration == file).order_by(Mail.id)
    return rows.where(*(getattr(Mail, name) == value for name, value in columns.items()))


def states(file):
    return [(mail.name, mail.state) for mail in mails(file)]


def link_of(file):
    """The address that the latest link mail of the file leads to, as people read it."""
    mail = mails(file, name=addresses.MAIL)[-1]
    rendered = outbox.render(mail.name, mail.context)
    found, = set(re.findall(r"http://localhost(/adresse/\w+)", rendered.text + rendered.html))
    return found


def token_of(file):
    return link_of(file).rpartition("/")[2]


def sends_all():
    while outbox.send_batch():
        pass


def minutes_pass(minutes):
    past = datetime.timedelta(minutes=minutes)
    for mail in Mail.select():
        Mail.update(created_at=mail.created_at - past).where(Mail.id == mail.id).execute()
    for link in SingleUse.select():
        SingleUse.update(expires_at=link.expires_at - past).where(SingleUse.hash == link.hash).execute()


# --- Held until confirmed -------------------------------------------------------------------------------------------

def test_franceconnect_s_own_address_needs_no_confirmation(server):
    voter = a_voter(email="Camille@exemple.fr")
    file = a_procuration(voter=voter, email="camille@exemple.fr")   # retyped: nobody tells the two apart
    assert file.email_confirmed_at and states(file) == [("deposee", "waiting")]


def test_a_changed_address_gets_the_link_alone_and_the_rest_in_order_once_confirmed(server):
    file = a_changed_one("validee")
    assert states(file) == [("confirmer_adresse", "waiting"), ("deposee", "held"), ("etablie", "held"),
                            ("validee", "held")]
    sends_all()
    assert server.subjects == ["Confirmez votre adresse de courriel"]
    addresses.confirm(token_of(file))
    sends_all()
    told = [outbox.render(mail.name, mail.context).subject for mail in mails(file)]
    assert server.subjects == told and len(told) == 4
    assert {message["To"] for message in server.received} == {TYPED}


def test_a_voter_whom_franceconnect_gave_no_address_confirms_the_one_they_type(server):
    assert states(a_changed_one(voter=a_voter(email=None)))[0] == ("confirmer_adresse", "waiting")


def test_a_file_without_an_address_waits_for_nothing(server):
    file = a_changed_one(email=None)
    assert states(file) == [] and not file.awaits_confirmation


def test_an_address_confirmed_once_is_not_asked_about_again(server):
    voter = a_voter()
    addresses.confirm(token_of(a_changed_one(voter=voter)))
    assert states(a_changed_one(voter=voter)) == [("deposee", "waiting")]
    assert states(a_changed_one(voter=a_voter()))[1] == ("deposee", "held")     # somebody else's word is not theirs


def test_one_confirmation_serves_all_files_that_wait_for_the_same_address(server):
    voter = a_voter()
    first, second, other = (a_changed_one(voter=voter, email=email) for email in (TYPED, TYPED, "tiers@exemple.fr"))
    addresses.confirm(token_of(first))
    assert fresh(second).email_confirmed_at and not mails(second, state="held").exists()
    assert fresh(other).awaits_confirmation and mails(other, state="held").exists()


def test_acts_after_the_confirmation_are_told_at_once(server):
    file = a_changed_one()
    addresses.confirm(token_of(file))
    procedure.etablir(file, an_officer())       # read before the confirmation: the address is looked at anew
    assert states(file)[-1] == ("etablie", "waiting")


def test_an_act_and_the_confirmation_in_the_same_instant_leave_no_mail_behind(server):
    for _ in range(5):
        file, officer, start = a_changed_one(), an_officer(), threading.Barrier(2)
        token = token_of(file)
        at_once(start, lambda: procedure.etablir(file, officer), lambda: addresses.confirm(token))
        assert fresh(file).status == Status.ETABLIE and fresh(file).email_confirmed_at
        assert not mails(file, state="held").exists()


def at_once(start, *acts):
    def run(act):
        start.wait()
        with database.connection_context():
            act()
    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_who_dies_between_the_confirmation_and_the_release_has_done_nothing(server, monkeypatch):
    file = a_changed_one("etablie")
    token = token_of(file)
    update = Mail.update
    monkeypatch.setattr(Mail, "update", lambda *args, **columns: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        addresses.confirm(token)
    monkeypatch.setattr(Mail, "update", update)
    assert fresh(file).awaits_confirmation and not SingleUse.get_by_id(digest(token)).used_at
    addresses.confirm(token)
    sends_all()
    assert len(server.ids) == len(set(server.ids)) and {state for _, state in states(file)} == {"sent"}


def test_mails_let_go_twice_leave_once(server):
    file = a_changed_one("etablie")
    sends_all()
    token = token_of(file)
    start = threading.Barrier(4)
    at_once(start, *[lambda: addresses.confirm(token)] * 4)
    sends_all()
    addresses.confirm(token)
    sends_all()
    assert len(server.ids) == len(set(server.ids)) == 3
    assert Event.select().where(Event.act == "confirmer_adresse").count() == 1


def test_a_link_still_on_its_way_does_not_keep_the_others_back(server):
    file = a_changed_one()
    token = token_of(file)
    server.recipients = "450 later"
    sends_all()
    addresses.confirm(token)
    server.recipients = "250 OK"
    sends_all()
    assert states(file) == [("deposee", "sent")]


def test_the_journal_names_no_address(server):
    file = a_changed_one()
    minutes_pass(2)
    addresses.send_again(file, file.voter)
    addresses.correct(file, "tiers@exemple.fr", file.voter)
    addresses.confirm(token_of(file))
    events = list(Event.select().order_by(Event.id).dicts())
    assert [event["act"] for event in events[1:]] == ["renvoyer_lien", "corriger_adresse", "confirmer_adresse"]
    assert all(event["subjects"] == str(file.id) for event in events) and "@" not in str(events)


def test_neither_token_nor_link_stands_in_the_database(server):
    file = a_changed_one()
    token = token_of(file)
    kept = str([list(table.select().tuples()) for table in (Mail, SingleUse, Event)])
    assert token not in kept and digest(token) in kept


# --- The link -------------------------------------------------------------------------------------------------------

def test_opening_a_link_changes_nothing_and_its_button_confirms(mandant, anybody):
    mandant.asks(email=TYPED)
    file, link = Procuration.get(), link_of(Procuration.get())
    for _ in range(3):                          # mail scanners open it, and look at it
        assert anybody.get(link).status_code == 200 and anybody.head(link).status_code == 200
    assert fresh(file).awaits_confirmation
    done = anybody.post(link, follow_redirects=True)
    assert done.status_code == 200 and "Votre adresse est confirmée" in done.text
    assert fresh(file).email_confirmed_at
    assert "Votre adresse est confirmée" in anybody.get(link).text      # the same link, later
    assert anybody.post(link).status_code == 303                        # and the second of two clicks


def test_the_link_s_page_tells_a_stranger_nothing(mandant, anybody):
    mandant.asks(email=TYPED)
    file = Procuration.get()
    mail = mails(file, name=addresses.MAIL).get()
    rendered = outbox.render(mail.name, mail.context)
    before, after = anybody.get(link_of(file)).text, anybody.post(link_of(file), follow_redirects=True).text
    for secret in (file.reference.shown, file.mandant.birth_name, file.mandataire.birth_name, file.commune.name, TYPED):
        assert secret not in before + after + rendered.text + rendered.html + rendered.subject


@pytest.mark.parametrize("token", ["x", "x" * 5000, "%00", "..%2f", "é", "' OR 1=1 --"])
def test_a_link_of_nobody_says_what_to_do(anybody, token):
    for answer in (anybody.get(f"/adresse/{token}"), anybody.post(f"/adresse/{token}")):
        assert answer.status_code == 404
    assert "Renvoyer le lien" in anybody.get("/adresse/x").text


def test_a_link_dies_after_three_days_unless_it_served(mandant, anybody):
    mandant.asks(email=TYPED)
    file = Procuration.get()
    minutes_pass(72 * 60 + 1)
    dead = anybody.post(link_of(file))
    assert dead.status_code == 404 and "plus de trois jours" in dead.text and fresh(file).awaits_confirmation
    mandant.posts({}, f"/mes-procurations/{file.id}/adresse/renvoyer")
    link = link_of(file)
    assert anybody.post(link).status_code == 303 and fresh(file).email_confirmed_at
    minutes_pass(72 * 60 + 1)
    assert anybody.get(link).status_code == 200


@pytest.mark.parametrize("kind", ["invitation", "file", "oidc"])
def test_a_token_of_another_use_is_no_link(anybody, kind):
    SingleUse.create(hash=digest("autre"), kind=kind, subject="1", expires_at=now() + addresses.LIFE)
    assert anybody.post("/adresse/autre").status_code == 404
    assert not SingleUse.get_by_id(digest("autre")).used_at


def test_confirming_wants_its_csrf_token(app, anybody, mandant):
    mandant.asks(email=TYPED)
    app.config["WTF_CSRF_ENABLED"] = True
    assert anybody.post(link_of(Procuration.get())).status_code == 400


# --- The voter's own pages ------------------------------------------------------------------------------------------

def test_the_page_says_what_is_awaited_until_it_is_confirmed(mandant):
    page = mandant.asks(email=TYPED)
    assert "Confirmez votre adresse" in page.text and TYPED in page.text
    assert "Confirmez votre adresse" in mandant.opens("/mes-procurations").text
    addresses.confirm(token_of(Procuration.get()))
    assert "Confirmez votre adresse" not in mandant.opens("/mes-procurations").text


def test_another_link_leaves_at_most_once_a_minute_and_five_times_a_day(mandant):
    mandant.asks(email=TYPED)
    file = Procuration.get()
    again = f"/mes-procurations/{file.id}/adresse/renvoyer"
    mandant.posts({}, again)
    assert mandant.answer.status_code == 429 and "moins d’une minute" in mandant.page.text
    for number in range(2, 6):
        Mail.update(state="sent").where(Mail.name == addresses.MAIL).execute()
        minutes_pass(2)
        assert mandant.posts({}, again) and mandant.answer.status_code == 303
        assert mails(file, name=addresses.MAIL).count() == number
    assert "Un nouveau lien vient de partir" in mandant.opens("/mes-procurations").text
    minutes_pass(2)
    mandant.posts({}, again)
    assert mandant.answer.status_code == 429 and "réessayez demain" in mandant.page.text
    minutes_pass(24 * 60)
    assert mandant.posts({}, again) and mandant.answer.status_code == 303


def test_an_earlier_link_to_the_same_address_still_serves(mandant, anybody):
    mandant.asks(email=TYPED)
    file, first = Procuration.get(), link_of(Procuration.get())
    Mail.update(state="sent").where(Mail.name == addresses.MAIL).execute()
    minutes_pass(2)
    mandant.posts({}, f"/mes-procurations/{file.id}/adresse/renvoyer")
    assert link_of(file) != first
    assert anybody.post(first).status_code == 303 and fresh(file).email_confirmed_at


def test_a_corrected_address_gets_its_own_link_and_the_former_link_dies(mandant, anybody):
    mandant.asks(email="otre@exemple.fr")
    file, former = Procuration.get(), link_of(Procuration.get())
    page = mandant.opens(f"/mes-procurations/{file.id}/adresse")
    assert page.fields(f"/mes-procurations/{file.id}/adresse")["email"] == ["otre@exemple.fr"]
    mandant.posts({"email": f" {TYPED} "}, f"/mes-procurations/{file.id}/adresse")     # within the first minute too
    assert mandant.answer.status_code == 303
    assert "Un lien vient de partir à autre.adresse@exemple.fr" in mandant.opens("/mes-procurations").text
    assert anybody.post(former).status_code == 404 and fresh(file).awaits_confirmation
    assert anybody.post(link_of(file)).status_code == 303
    assert fresh(file).email == TYPED and {mail.recipient for mail in mails(file)} == {TYPED}


def test_a_link_whose_mail_was_replaced_dies_with_the_correction_too(mandant, anybody):
    """It may have left all the same: the server's yes was lost, and the mail was waiting for another try."""
    mandant.asks(email="otre@exemple.fr")
    file, first = Procuration.get(), link_of(Procuration.get())
    minutes_pass(2)
    mandant.posts({}, f"/mes-procurations/{file.id}/adresse/renvoyer")
    mandant.posts({"email": TYPED}, f"/mes-procurations/{file.id}/adresse")
    assert anybody.post(first).status_code == 404 and fresh(file).awaits_confirmation


def test_correcting_to_franceconnect_s_address_needs_no_link(mandant):
    mandant.asks(email="otre@exemple.fr")
    file = Procuration.get()
    mandant.posts({"email": mandant.row.email}, f"/mes-procurations/{file.id}/adresse")
    assert states(file) == [("deposee", "waiting")] and "déjà confirmée" in mandant.opens("/mes-procurations").text


def test_what_was_sent_is_not_sent_again_after_a_correction(server):
    file = a_changed_one()
    sends_all()
    addresses.correct(file, TYPED.upper(), file.voter)
    sends_all()
    addresses.confirm(token_of(file))
    sends_all()
    assert [message["To"] for message in server.received] == [TYPED, TYPED.upper(), TYPED.upper()]


def test_the_same_address_typed_again_asks_for_another_link(mandant):
    mandant.asks(email=TYPED)
    file = Procuration.get()
    page = mandant.posts({"email": TYPED}, f"/mes-procurations/{file.id}/adresse")
    assert mandant.answer.status_code == 422 and "moins d’une minute" in page.error_at("email")
    minutes_pass(2)
    mandant.posts({"email": TYPED}, f"/mes-procurations/{file.id}/adresse")
    assert mandant.answer.status_code == 303


def test_corrections_do_not_write_to_a_sixth_stranger(mandant):
    mandant.asks(email="a@exemple.fr")
    file = Procuration.get()
    for letter in "bcdef":
        Mail.update(state="sent").where(Mail.name == addresses.MAIL).execute()
        page = mandant.posts({"email": f"{letter}@exemple.fr"}, f"/mes-procurations/{file.id}/adresse")
    assert mandant.answer.status_code == 422 and "réessayez demain" in page.error_at("email")
    assert fresh(file).email == "e@exemple.fr" and token_of(file)
    assert page.fields(f"/mes-procurations/{file.id}/adresse")["email"] == ["f@exemple.fr"]     # as it was typed


def test_a_confirmed_address_is_not_asked_about(mandant):
    mandant.asks(email=TYPED)
    file = Procuration.get()
    addresses.confirm(token_of(file))
    answer = mandant.client.post(f"/mes-procurations/{file.id}/adresse/renvoyer")
    assert answer.status_code == 409 and "déjà confirmée" in answer.text
    mandant.posts({"email": TYPED}, f"/mes-procurations/{file.id}/adresse")
    assert mandant.answer.status_code == 303 and "Rien n’a changé" in mandant.opens("/mes-procurations").text
    assert fresh(file).email_confirmed_at and not mails(file, name=addresses.MOVED).exists()


@pytest.mark.parametrize("status", ["deposee", "etablie", "validee", "invalidee"])
def test_a_confirmed_address_can_be_corrected_as_long_as_mails_may_follow(mandant, anybody, status):
    file = a_procuration(status, voter=mandant.row)
    Mail.update(state="sent").execute()
    page = mandant.opens(f"/mes-procurations/{file.id}/adresse")
    assert "un dernier courriel pour le dire" in page.text
    mandant.posts({"email": TYPED}, f"/mes-procurations/{file.id}/adresse")
    assert mandant.answer.status_code == 303 and fresh(file).awaits_confirmation
    former, = mails(file, name=addresses.MOVED)
    assert former.recipient == mandant.row.email and former.state == "waiting"
    assert anybody.post(link_of(file)).status_code == 303
    assert (fresh(file).email, fresh(file).awaits_confirmation) == (TYPED, False)


def test_an_act_meanwhile_is_held_and_told_at_the_new_address_once_confirmed(server):
    file = a_procuration("etablie", voter=a_voter())
    sends_all()
    stale = fresh(file)
    addresses.correct(file, TYPED, file.voter)
    procedure.valider(stale, an_agent())                # read before the correction
    assert mails(file, name="validee").get().state == "held"
    addresses.confirm(token_of(file))
    sends_all()
    assert [message["To"] for message in server.received if "validée" in message["Subject"]] == [TYPED]


def test_what_had_not_left_or_was_refused_goes_to_the_corrected_address(server):
    file = a_procuration("etablie", voter=a_voter(), mandataire=a_mandataire(email="sacha@exemple.fr"))
    deposee, etablie = mails(file)[:2]
    Mail.update(state="dead", error="550").where(Mail.id == deposee.id).execute()
    addresses.correct(file, TYPED, file.voter)
    addresses.confirm(token_of(file))
    assert [(mail.recipient, mail.state) for mail in mails(file) if mail.id in (deposee.id, etablie.id)] == [
        (TYPED, "waiting")] * 2
    assert mails(file, recipient="sacha@exemple.fr").get().state == "waiting"    # the mandataire's is not the mandant's


@pytest.mark.parametrize("status", ["retiree", "refusee", "caduque", "annulee", "resiliee"])
def test_nothing_is_corrected_once_no_mail_will_follow(mandant, status):
    file = a_procuration(status, voter=mandant.row)
    where = f"/mes-procurations/{file.id}/adresse"
    for answer in (mandant.client.get(where), mandant.client.post(where, data={"email": TYPED})):
        assert answer.status_code == 409 and "plus aucun courriel" in answer.text
    assert fresh(file).email == mandant.row.email


def test_another_voter_s_file_is_not_there(app, mandant):
    file = a_changed_one()
    where = f"/mes-procurations/{file.id}/adresse"
    for answer in (mandant.client.get(where), mandant.client.post(where, data={"email": "pirate@exemple.fr"}),
                   mandant.client.post(f"{where}/renvoyer"), mandant.client.get("/mes-procurations/999999/adresse")):
        assert answer.status_code == 404
    assert fresh(file).email == TYPED and mails(file, name=addresses.MAIL).count() == 1


def test_nobody_corrects_without_being_logged_in_as_the_voter(app, mandant):
    mandant.asks(email=TYPED)
    where = f"/mes-procurations/{Procuration.get().id}/adresse"
    stranger, officer = app.test_client(), app.test_client()
    log_in(officer, agent=an_officer())
    assert stranger.get(where).status_code == 303 and officer.get(where).status_code == 404
    assert officer.post(f"{where}/renvoyer").status_code == 404


@ONE_ENGINE
@pytest.mark.parametrize("typed", UNUSABLE, ids=[str(number) for number, _ in enumerate(UNUSABLE)])
def test_an_address_that_is_none_is_told_at_its_field_when_filing_and_when_correcting(mandant, typed):
    page = mandant.fills(email=typed)
    assert mandant.answer.status_code == 422 and page.error_at("email") and not Procuration.select().exists()
    file = a_changed_one(voter=mandant.row)
    page = mandant.posts({"email": typed}, f"/mes-procurations/{file.id}/adresse")
    assert mandant.answer.status_code == 422 and page.error_at("email") and page.title.startswith("Erreur : ")
    assert fresh(file).email == TYPED and mails(file, name=addresses.MAIL).count() == 1


@ONE_ENGINE
@pytest.mark.parametrize("typed", [LONG, "o'hara+vote@exemple.fr", "a@exämple.fr"])
def test_an_odd_address_is_taken(mandant, typed):
    mandant.asks(email=typed)
    assert len(LONG) == 254 and addresses.confirm(token_of(Procuration.get())).email_confirmed_at


def test_the_ministry_sees_that_a_mail_is_held_and_not_to_whom(app):
    a_changed_one()
    ministry = app.test_client()
    log_in(ministry, agent=an_agent(Role.MINISTRY))
    page = ministry.get("/admin/courriels/").text
    assert "Retenu jusqu’à la confirmation" in page and TYPED not in page


def test_an_address_that_the_server_refuses_is_told_until_it_is_corrected(mandant):
    mandant.asks(email=TYPED)
    file = Procuration.get()
    Mail.update(state="dead").where(Mail.name == addresses.MAIL).execute()
    assert "n’a pas pu être remis" in mandant.opens("/mes-procurations").text
    assert "n’a pas pu être remis" in mandant.opens(f"/demande/{file.id}/confirmation").text
    mandant.posts({"email": "tiers@exemple.fr"}, f"/mes-procurations/{file.id}/adresse")
    assert "n’a pas pu être remis" not in mandant.opens("/mes-procurations").text
