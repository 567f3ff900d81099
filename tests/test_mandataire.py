"""The mandataire: one mail, if the mandant gave an address; a way to say no, which the mandant decides upon."""
import datetime
import re

import pytest
import time_machine

from models import Event, Mail, OptOut, Personne, Procuration, SingleUse, Status, now
from portal import mandataires, outbox, procedure
from tests.factories import (a_commune, a_demande, a_mandataire, a_period, a_procuration, a_scrutin, a_voter, an_agent,
                             an_officer, fresh)
from tests.voter import Mandant

ADDRESS = "sacha@exemple.fr"
QUARTER = datetime.timedelta(minutes=15, seconds=1)


@pytest.fixture
def anybody(app):
    app.config["WTF_CSRF_ENABLED"] = False
    return app.test_client()


def a_file(status="etablie", email=ADDRESS, **columns):
    return a_procuration(status, mandataire=a_mandataire(email=email), **columns)


def notices(file):
    return list(Mail.select().where(Mail.procuration == file, Mail.name == mandataires.MAIL))


def rendered(file):
    notice, = notices(file)
    return outbox.render(notice.name, notice.context)


def link_of(file):
    found, = set(re.findall(r"http://localhost(/mandataire/\w+)", rendered(file).text))
    return found


def token_of(file):
    return link_of(file).rpartition("/")[2]


def leaves(delay=QUARTER):
    with time_machine.travel(now() + delay, tick=False):
        while outbox.send_batch():
            pass


@pytest.fixture
def mandant(app):
    app.config["WTF_CSRF_ENABLED"] = False
    a_commune()
    a_scrutin()
    return Mandant(app.test_client())


# --- The address, if the mandant gives one --------------------------------------------------------------------------

def test_the_address_is_optional_and_asked_for_in_folded_words(mandant):
    mandant.asks()
    assert Procuration.get().mandataire.email is None and "ne lui écrira pas" in mandant.page.text


def test_the_address_given_is_read_again_and_kept(mandant):
    page = mandant.fills(mandataire__contact=f" {ADDRESS} ")
    assert ADDRESS in page.text and "une seule fois" in page.text
    mandant.confirms()
    assert Procuration.get().mandataire.email == ADDRESS
    assert "une seule fois" in mandant.opens(mandant.answer.location).text


@pytest.mark.parametrize("typed, said", [("sacha@", "ne peut pas exister"), ("MANDANT@exemple.fr", "votre courriel"),
                                         ("a@b.fr, c@d.fr", "ne peut pas exister")])
def test_an_address_that_is_none_or_the_voter_s_own_is_told_at_its_field(mandant, typed, said):
    page = mandant.fills(mandataire__contact=typed)
    assert mandant.answer.status_code == 422 and said in page.error_at("mandataire-contact")
    assert not Procuration.select().exists()


# --- The one mail ---------------------------------------------------------------------------------------------------

def test_nobody_writes_to_a_mandataire_whose_address_was_not_given(server):
    assert not notices(a_procuration("validee"))


def test_a_request_tells_the_mandataire_nothing(server):
    assert not notices(a_file("deposee"))


def test_the_mandataire_is_told_once_and_only_when_the_act_can_no_longer_be_undone(server):
    file = a_file()
    leaves(datetime.timedelta(minutes=14))
    assert ADDRESS not in {message["To"] for message in server.received}
    leaves()
    procedure.valider(fresh(file), an_agent())
    procedure.reprendre(fresh(file), an_agent())
    procedure.annuler(fresh(file), an_agent(), "perte_des_droits")
    leaves(QUARTER * 100)
    assert [message["To"] for message in server.received].count(ADDRESS) == 1


def test_the_mail_says_by_whom_when_where_with_what_and_how_to_say_no(db):
    file = a_file()
    told = rendered(file)
    words = " ".join(told.text.split())
    for said in (f"{file.mandant.first_names} {file.mandant.birth_name}", "1er tour", "2d tour", "à Lyon (69)",
                 "votre propre pièce d’identité", "doit encore vérifier", "Je ne pourrai pas", "ne plus jamais rien"):
        assert said in words and said in " ".join(re.sub("<[^>]*>", "", told.html).split())
    for secret in (file.reference.shown, file.mandant.birth_date, file.email, "Martin"):
        assert secret not in told.text + told.html + told.subject + str(notices(file)[0].context)


def test_the_mail_names_the_polling_station_once_it_is_known(db):
    file = a_file("deposee")
    Procuration.update(status=Status.ETABLIE, established_at=now()).execute()
    Personne.update(station="12, école Jules-Ferry").where(Personne.role == "mandant").execute()
    mandataires.notify(fresh(file), now())
    assert "12, école Jules-Ferry" in rendered(file).text and "12, école Jules-Ferry" in rendered(file).html


def test_a_period_is_told_until_its_last_day(db):
    until = now().date() + datetime.timedelta(days=90)
    file = a_procuration("etablie", demande=a_period(until, mandataire=a_mandataire(email=ADDRESS)))
    assert "À toutes les élections jusqu’au" in rendered(file).text


def test_its_link_leads_to_one_page_and_the_database_does_not_hold_it(db):
    file = a_file()
    assert re.findall(r'href="([^"]*)"', rendered(file).html) == [f"http://localhost{link_of(file)}"]
    assert token_of(file) not in str([list(table.select().tuples()) for table in (Mail, SingleUse, Event)])


def test_an_act_undone_in_time_is_never_told_and_the_next_one_is(server):
    officer = an_officer()
    file = a_file(officer=officer)
    procedure.defaire(fresh(file), officer, "erreur_de_personne")
    leaves()
    assert not notices(file) and not SingleUse.select().where(SingleUse.kind == "mandataire").exists()
    procedure.etablir(fresh(file), officer)
    leaves()
    assert [message["To"] for message in server.received].count(ADDRESS) == 1


@pytest.mark.parametrize("end", [
    lambda file: procedure.invalider(file, an_agent(), "mandant_non_inscrit"),
    lambda file: procedure.annuler(file, an_agent(), "deces_du_mandataire"),
    lambda file: procedure.resilier(file, an_officer())], ids=["invalider", "annuler", "resilier"])
def test_what_ends_before_the_mail_has_left_takes_it_back(db, end):
    file = a_file()
    end(fresh(file))
    assert not notices(file)


def test_a_mandataire_whose_server_is_slow_does_not_keep_the_mandant_waiting(server):
    file = a_file()
    server.recipients = "450 later"
    leaves()
    server.recipients = "250 OK"
    procedure.valider(fresh(file), an_agent())
    leaves(datetime.timedelta(hours=1))
    subjects = [message["Subject"] for message in server.received if message["To"] == file.email]
    assert len(subjects) == 3 and "validée" in subjects[-1]


# --- The link -------------------------------------------------------------------------------------------------------

def test_opening_the_link_changes_nothing(anybody):
    file = a_file()
    for path in (link_of(file), f"{link_of(file)}/refuser"):
        assert anybody.get(path).status_code == 200 and anybody.head(path).status_code == 200
    assert not fresh(file).declined_at and not OptOut.select().exists()


def test_a_mandataire_who_declines_is_told_to_the_mandant_who_decides(anybody):
    file = a_file("validee")
    done = anybody.post(f"{link_of(file)}/refuser", follow_redirects=True)
    assert "C’est noté" in done.text and done.request.path == link_of(file)
    declined = fresh(file)
    assert declined.declined_at and declined.attention == "mandataire_decline"
    assert (declined.status, declined.version) == (file.status, file.version)    # nothing changes in law
    mail = Mail.get(Mail.name == "mandataire_decline")
    told = outbox.render(mail.name, mail.context).text
    assert mail.recipient == file.email and "Votre procuration reste valable" in told and "résilier" in told
    event = Event.select().order_by(Event.id.desc()).get()
    assert (event.act, event.role, event.actor, event.subjects) == ("decliner", "mandataire", None, str(file.id))


def test_declining_twice_tells_once(anybody):
    file = a_file()
    for _ in range(2):
        assert anybody.post(f"{link_of(file)}/refuser").status_code == 303
    assert Mail.select().where(Mail.name == "mandataire_decline").count() == 1
    assert Event.select().where(Event.act == "decliner").count() == 1


def test_declining_does_not_hide_what_the_town_hall_had_to_look_at(anybody):
    file = a_file()
    Procuration.update(attention="place_perdue").where(Procuration.id == file.id).execute()
    anybody.post(f"{link_of(file)}/refuser")
    assert fresh(file).attention == "place_perdue" and fresh(file).declined_at


def test_there_is_nothing_to_decline_once_the_procuration_has_ended(anybody):
    file = a_file()
    link = link_of(file)
    leaves()
    procedure.resilier(fresh(file), an_officer())
    page = anybody.get(link).text
    assert "n’est plus en cours" in page and "refuser" not in page and "Résili" not in page
    assert anybody.post(f"{link}/refuser").status_code == 303 and not fresh(file).declined_at
    assert fresh(file).status == Status.RESILIEE


def test_a_decline_and_the_end_of_the_file_leave_no_half(anybody):
    file = a_file()
    stale = fresh(file)
    anybody.post(f"{link_of(file)}/refuser")
    procedure.valider(stale, an_agent())                # read before: the town hall decides all the same
    assert fresh(file).status == Status.VALIDEE and fresh(file).declined_at


def test_the_link_dies_when_the_vote_is_over(anybody):
    file = a_file()
    link = link_of(file)
    with time_machine.travel(datetime.datetime.combine(file.valid_until, datetime.time(23), datetime.UTC)):
        for answer in (anybody.get(link), anybody.post(f"{link}/refuser"), anybody.post(f"{link}/ne-plus-ecrire")):
            assert answer.status_code == 404 and "le vote est passé" in answer.text
    assert not fresh(file).declined_at


@pytest.mark.parametrize("token", ["x", "x" * 5000, "%00", "é", "' OR 1=1 --"])
def test_a_link_of_nobody_says_so(anybody, token):
    for path in ("", "/refuser"):
        assert anybody.get(f"/mandataire/{token}{path}").status_code == 404
    assert anybody.post(f"/mandataire/{token}/refuser").status_code == 404


def test_another_link_of_the_file_is_not_the_mandataire_s(anybody):
    file = a_procuration("etablie", voter=a_voter(), mandataire=a_mandataire(email=ADDRESS), email="autre@exemple.fr")
    mail = Mail.get(Mail.name == "confirmer_adresse")
    token, = re.findall(r"/adresse/(\w+)", outbox.render(mail.name, mail.context).text)[:1]
    assert anybody.post(f"/mandataire/{token}/refuser").status_code == 404
    assert anybody.post(f"/adresse/{token_of(file)}").status_code == 404


def test_declining_wants_its_csrf_token(app, anybody):
    file = a_file()
    app.config["WTF_CSRF_ENABLED"] = True
    assert anybody.post(f"{link_of(file)}/refuser").status_code == 400 and not fresh(file).declined_at


# --- Nothing more, ever ---------------------------------------------------------------------------------------------

def test_who_wants_no_mail_gets_none_from_anybody(anybody):
    first, waiting = a_file(), a_file(email=ADDRESS.upper())
    page = anybody.post(f"{link_of(first)}/ne-plus-ecrire", follow_redirects=True).text
    assert "nous n’écrirons plus jamais" in page
    assert not notices(waiting)                         # queued already, and not sent
    assert not notices(a_file(email=f"{ADDRESS[0].upper()}{ADDRESS[1:]}"))
    assert notices(a_file(email="autre@exemple.fr"))


def test_the_list_of_who_wants_no_mail_gives_no_address_away(anybody):
    link = link_of(a_file())
    for _ in range(2):
        anybody.post(f"{link}/ne-plus-ecrire")
    row, = OptOut.select()
    assert ADDRESS not in str(row.__data__) and len(row.hash) == 64
    assert Event.select().where(Event.act == "ne_plus_ecrire").count() == 1


def test_the_mandant_cannot_tell_an_address_that_wants_no_mail(anybody):
    first = a_file()
    anybody.post(f"{link_of(first)}/ne-plus-ecrire")
    silent, other = a_file(), a_file(email="autre@exemple.fr")
    assert silent.mandataire.email == ADDRESS and not silent.declined_at
    mails = [[mail.name for mail in Mail.select().where(Mail.procuration == file, Mail.recipient == file.email)]
             for file in (silent, other)]
    assert mails[0] == mails[1]


def test_a_request_keeps_the_address_as_the_voter_gave_it(db):
    file = procedure.deposer(a_demande(mandataire=a_mandataire(email=ADDRESS)), a_voter())
    assert fresh(file).mandataire.email == ADDRESS and fresh(file).mandant.email is None
