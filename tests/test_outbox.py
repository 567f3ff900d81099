"""The outbox against a real SMTP server in each of its moods, on both engines; workers killed and several at once."""
import datetime
import mailbox
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path

import psycopg
import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from icalendar import Calendar
from pypdf import PdfReader

from models import Event, Mail, database, now
from portal import carriers, mail, outbox
from portal.carriers import Interrupted, Unreachable
from portal.settings import use
from tests.factories import a_procuration
from tests.smtp import MailServer

ROOT = Path(__file__).parent.parent
NOBODY_LISTENS = "smtp://127.0.0.1:1"


@pytest.fixture
def server():
    server = MailServer().start()
    yield server
    server.stop()


@pytest.fixture
def posted(db, settings, server):
    """Settings that lead to the server, with the database open."""
    return use(replace(settings, mail_url=server.url))


def a_mail(name="deposee", recipient="mandant@exemple.fr", **columns):
    number = Mail.select().count()
    return Mail.create(**{"key": f"deposer:{number}:0:mandant", "name": name, "recipient": recipient,
                          "context": mail.SAMPLES[name], **columns})


def again(row):
    return Mail.get_by_id(row.id)


def let_time_pass(**length):
    """Mails put off become due, leases run out."""
    past = now() - datetime.timedelta(**length or {"seconds": 1})
    Mail.update(next_at=past).where(Mail.state == "waiting").execute()
    Mail.update(lease_until=past).where(Mail.state == "sending").execute()


# --- Accepted -------------------------------------------------------------------------------------------------------

def test_a_mail_leaves_once_in_text_and_html(posted, server):
    row = a_mail()
    assert outbox.send_batch() == 1
    assert outbox.send_batch() == 0
    message, = server.received
    assert (again(row).state, again(row).tries, again(row).error) == ("sent", 0, None) and again(row).sent_at
    assert message["To"] == "mandant@exemple.fr" and message.envelope.rcpt_tos == ["mandant@exemple.fr"]
    assert message["Subject"] == outbox.render("deposee", row.context).subject
    assert message["Auto-Submitted"] == "auto-generated" and message["Message-ID"] == outbox.message_id(row)
    for kind in ("plain", "html"):
        assert "K7M 2QX" in message.get_body((kind,)).get_content()
    assert [part.get_filename() for part in message.iter_attachments()] == ["recepisse-procuration.pdf"]


def test_what_is_attached_is_made_when_the_mail_leaves_and_reaches_its_reader(posted, server):
    row = a_procuration("validee").mail_set.order_by(Mail.id.desc()).get()
    while outbox.send_batch():
        pass
    message = server.received[-1]
    paper, days = message.iter_attachments()
    assert message.get_content_type() == "multipart/mixed" and message["Message-ID"] == outbox.message_id(row)
    assert [(part.get_filename(), part.get_content_type()) for part in (paper, days)] == [
        ("recepisse-procuration.pdf", "application/pdf"), ("jours-de-vote.ics", "text/calendar")]
    printed = " ".join(PdfReader(BytesIO(paper.get_content())).pages[0].extract_text().split())
    assert "procuration validée" in printed and row.context["mandant"] in printed
    told = [event.start.isoformat() for event in Calendar.from_ical(days.get_content()).events]
    assert told == [tour["day"] for tour in row.context["tours"]]


def test_nothing_that_is_attached_is_kept_in_the_database(posted, server):
    a_procuration("validee")
    while outbox.send_batch():
        pass
    assert not any("PDF" in str(row.__data__) or "VCALENDAR" in str(row.__data__) for row in Mail.select())


def test_a_mail_that_goes_again_brings_the_same_papers_under_the_same_id(posted, server):
    row = a_mail("validee")
    server.dies = True
    with pytest.raises(Interrupted):
        outbox.send_batch()
    server.dies = False
    let_time_pass()
    outbox.send_batch()
    assert server.ids == [outbox.message_id(row)] * 2
    uids = [[event["uid"] for event in Calendar.from_ical(list(message.iter_attachments())[1].get_content()).events]
            for message in server.received]
    assert uids[0] == uids[1]


def test_many_mails_share_a_connection(posted, server):
    rows = [a_mail(recipient=f"mandant{number}@exemple.fr") for number in range(5)]
    assert outbox.send_batch(limit=3) == 3
    assert outbox.send_batch(limit=3) == 2
    assert len(server.received) == len(set(server.ids)) == len(rows)


def test_the_mails_of_an_act_are_the_ones_that_leave(posted, server):
    a_procuration("validee")
    while outbox.send_batch():
        pass
    assert server.subjects == [outbox.render(name, mail.SAMPLES[name]).subject
                               for name in ("deposee", "etablie", "validee")]


def test_a_mailbox_folder_takes_mails_too(db, settings, tmp_path):
    a_mail()
    assert outbox.send_batch() == 1
    message, = mailbox.Maildir(tmp_path / "courriels")
    assert message["To"] == "mandant@exemple.fr"


def test_nothing_to_send_opens_no_connection(db, settings):
    use(replace(settings, mail_url=NOBODY_LISTENS))
    assert outbox.send_batch() == 0


# --- Refused --------------------------------------------------------------------------------------------------------

def test_a_4xx_puts_the_mail_off_and_the_next_try_succeeds(posted, server):
    row = a_mail()
    server.recipients = "450 4.2.1 mailbox busy"
    assert outbox.send_batch() == 1
    assert (again(row).state, again(row).tries, again(row).error) == ("waiting", 1, "450 4.2.1 mailbox busy")
    assert datetime.timedelta(seconds=20) < again(row).next_at - now() < datetime.timedelta(seconds=40)
    assert outbox.send_batch() == 0
    server.recipients = "250 OK"
    let_time_pass()
    assert outbox.send_batch() == 1
    assert again(row).state == "sent" and len(server.received) == 1


@pytest.mark.parametrize("where", ["recipients", "content"])
def test_a_5xx_buries_the_mail_at_once_and_keeps_the_answer_without_addresses(posted, server, where):
    row, other = a_mail(recipient="jean.durand@exemple.fr"), a_mail()
    answer = "550 5.1.1 <jean.durand@exemple.fr> user jean.durand unknown"
    setattr(server, where, {"jean.durand@exemple.fr": answer} if where == "recipients" else answer)
    assert outbox.send_batch() == 2
    assert again(row).state == "dead" and again(row).error.startswith("550 5.1.1")
    assert "durand" not in again(row).error and "exemple" not in again(row).error
    assert again(other).state == ("sent" if where == "recipients" else "dead")


def test_a_dead_mail_can_be_sent_again(posted, server):
    row = a_mail(state="dead", tries=149, error="550 5.1.1")
    assert outbox.send_batch() == 0
    assert outbox.resend(row) and not outbox.resend(row)
    assert outbox.send_batch() == 1 and len(server.received) == 1


def test_pauses_grow_to_half_an_hour_and_end_after_72_hours(posted, server):
    server.recipients = "451 later"
    pauses = [outbox._pause(tries).total_seconds() for tries in range(1, outbox.MOST_TRIES)]
    wanted = [30, 60, 120, 300, 600, 900] + [1800] * (len(pauses) - 6)
    assert all(abs(pause - want) <= 0.2 * want + 1 for pause, want in zip(pauses, wanted))
    assert 71.5 * 3600 <= sum(wanted) <= 72 * 3600
    row = a_mail(tries=outbox.MOST_TRIES - 1)
    outbox.send_batch()
    assert again(row).state == "dead" and again(row).error == "451 later"


def test_a_mail_that_cannot_be_composed_does_not_hold_the_others(posted, server):
    broken, good = a_mail(context={}), a_mail()
    assert outbox.send_batch() == 2
    assert (again(broken).state, again(broken).error) == ("waiting", "451 UndefinedError")
    assert again(good).state == "sent"


# --- Lost on the way ------------------------------------------------------------------------------------------------

def test_a_server_that_is_gone_costs_no_mail_a_try(db, settings):
    use(replace(settings, mail_url=NOBODY_LISTENS))
    rows = [a_mail(), a_mail()]
    with pytest.raises(Unreachable):
        outbox.send_batch()
    assert [(again(row).state, again(row).tries, again(row).lease_until) for row in rows] == [("waiting", 0, None)] * 2


def test_a_server_gone_then_back_gets_each_mail_once(posted, server):
    rows = [a_mail(recipient=f"mandant{number}@exemple.fr") for number in range(6)]
    outbox.send_batch(limit=2)
    server.stop()
    for _ in range(3):
        with pytest.raises(Unreachable):
            outbox.send_batch()
    server.start()
    while outbox.send_batch():
        pass
    assert [again(row).state for row in rows] == ["sent"] * 6
    assert sorted(server.ids) == sorted(map(outbox.message_id, rows))


@pytest.mark.parametrize("mood", ["hangs", "drips"])
def test_a_server_that_does_not_end_is_left_after_the_time_for_one_mail(posted, server, monkeypatch, mood):
    monkeypatch.setattr(carriers, "TOTAL", 0.5)
    row, other = a_mail(), a_mail()
    setattr(server, mood, True)
    started = time.monotonic()
    with pytest.raises(Interrupted):
        outbox.send_batch()
    assert time.monotonic() - started < 5
    server.drips = False
    assert (again(row).state, again(row).tries) == ("waiting", 1)
    assert (again(other).state, again(other).tries) == ("waiting", 0)


def test_a_server_that_dies_after_accepting_gets_the_same_mail_again_under_the_same_id(posted, server):
    row = a_mail()
    server.dies = True
    with pytest.raises(Interrupted):
        outbox.send_batch()
    server.dies = False
    let_time_pass()
    assert outbox.send_batch() == 1
    assert again(row).state == "sent" and server.ids == [outbox.message_id(row)] * 2


def test_a_lease_keeps_others_away_until_it_ends(posted, server):
    row = a_mail()
    claimed, = outbox.claim(20)
    assert claimed == row and again(row).state == "sending"
    assert outbox.send_batch() == 0
    let_time_pass()
    assert outbox.send_batch() == 1


def test_workers_that_claim_in_the_same_instant_share_the_mails_out(posted):
    rows = [a_mail(recipient=f"mandant{number}@exemple.fr") for number in range(40)]
    start, claimed = threading.Barrier(8), []

    def claim():
        start.wait()
        with database.connection_context():
            claimed.extend(mail.id for mail in outbox.claim(5))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) and set(claimed) <= {row.id for row in rows} and len(claimed) >= 5


def test_a_batch_stops_between_two_mails_when_asked_and_gives_the_rest_back(posted, server):
    rows = [a_mail(), a_mail(), a_mail()]
    assert outbox.send_batch(stopping=lambda: len(server.received) == 1) == 1
    assert sorted(again(row).state for row in rows) == ["sent", "waiting", "waiting"]


# --- In order -------------------------------------------------------------------------------------------------------

def test_a_mail_waits_for_the_earlier_ones_of_its_file_until_they_are_dead(posted, server):
    first, second, third = a_procuration("validee").mail_set.order_by(Mail.id)
    stranger = a_mail(recipient="autre@exemple.fr")
    server.recipients = {first.recipient: "450 later"}
    assert outbox.send_batch() == 2
    assert outbox.send_batch() == 0
    assert [again(row).state for row in (first, second, third, stranger)] == ["waiting"] * 3 + ["sent"]
    server.recipients = {first.recipient: "550 gone"}
    let_time_pass()
    assert outbox.send_batch() == 1
    server.recipients = "250 OK"
    assert outbox.send_batch() == 1 and outbox.send_batch() == 1
    assert [again(row).state for row in (first, second, third)] == ["dead", "sent", "sent"]
    assert server.subjects[-2:] == [outbox.render(name, mail.SAMPLES[name]).subject for name in ("etablie", "validee")]


# --- Hostile --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("recipient", ["a@exemple.fr\r\nBcc: autre@exemple.fr", "a\r\nRCPT TO:<autre@exemple.fr>@b.fr",
                                       "a@b.fr>\r\nDATA\r\n.\r\n", "sans-arobase", "@exemple.fr",
                                       "a@" + "b" * 80 + ".fr"])
def test_an_address_that_is_none_is_buried_and_reaches_nobody(posted, server, recipient):
    row, good = a_mail(recipient=recipient), a_mail()
    assert outbox.send_batch() == 2
    assert again(row).state == "dead" and again(good).state == "sent"
    assert [message.envelope.rcpt_tos for message in server.received] == [["mandant@exemple.fr"]]


@pytest.mark.parametrize("recipient, envelope", [("a, b@exemple.fr", '"a, b"@exemple.fr'),
                                                 ("jean@exämple.fr", "jean@xn--exmple-cua.fr")])
def test_an_odd_address_stays_one_address(posted, server, recipient, envelope):
    a_mail(recipient=recipient)
    outbox.send_batch()
    message, = server.received
    assert message.envelope.rcpt_tos == [envelope]


def test_hostile_names_stay_in_the_body_as_text(posted, server):
    hostile = "Zoé\r\nBcc: autre@exemple.fr\r\n\r\n.\r\nQUIT\r\n<script>alert(1)</script>"
    a_mail(context={**mail.SAMPLES["deposee"], "mandataire": hostile, "commune": hostile})
    outbox.send_batch()
    message, = server.received
    assert "Bcc" not in message and message.envelope.rcpt_tos == ["mandant@exemple.fr"]
    text, page = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "QUIT" in text and "<script>" not in page and "&lt;script&gt;" in page
    assert text.rstrip().endswith("vous pouvez ignorer ce message.")


# --- Encrypted ------------------------------------------------------------------------------------------------------

@pytest.fixture
def certified(tmp_path):
    """A server that speaks only to who encrypts and logs in, and the file of its certificate."""
    certificate, key = a_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = MailServer(tls_context=context, require_starttls=True, auth_required=True, authenticator=lambda *given:
                        AuthResult(success=given[-1].password == b"s@cr/t", handled=False)).start()
    yield server, certificate
    server.stop()


def a_certificate(folder):
    """Files of a certificate for 127.0.0.1 that signs itself, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    own_address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                   .serial_number(1).not_valid_before(now()).not_valid_after(now() + datetime.timedelta(days=1))
                   .add_extension(own_address, critical=False).sign(key, hashes.SHA256()))
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def test_starttls_is_required_where_it_is_asked(db, settings, server):
    use(replace(settings, mail_url=server.url.replace("smtp://", "smtp+starttls://nom:secret@")))
    row = a_mail()
    with pytest.raises(Unreachable):
        outbox.send_batch()
    assert server.received == [] and again(row).state == "waiting"


@pytest.mark.parametrize("password, trusted, leaves", [("s%40cr%2Ft", True, True), ("s%40cr%2Ft", False, False),
                                                       ("faux", True, False)])
def test_starttls_needs_a_trusted_certificate_and_the_password(db, settings, certified, monkeypatch, password, trusted,
                                                               leaves):
    server, certificate = certified
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    use(replace(settings, mail_url=server.url.replace("smtp://", f"smtp+starttls://nom:{password}@")))
    row = a_mail()
    try:
        outbox.send_batch()
    except Unreachable:
        pass
    assert (len(server.received), again(row).state, again(row).tries) == ((1, "sent", 0) if leaves else
                                                                          (0, "waiting", 0))


# --- Workers --------------------------------------------------------------------------------------------------------

def a_worker(settings, folder, *options):
    """A real `flask worker` on the database and the server of the test."""
    wanted = {name: getattr(settings, name) for name in ("database_url", "mail_url", "secret_key", "journal_key",
                                                         "franceconnect_client_secret")}
    environment = {**os.environ, **{f"MAPROCURATION_{name.upper()}": value for name, value in wanted.items()}}
    return subprocess.Popen([sys.executable, "-m", "flask", "--app", str(ROOT / "app.py"), "worker", *options],
                            cwd=folder, env={**environment, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE)


def wait_until(true, seconds=30):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "still waiting"
        time.sleep(0.1)


def stop(worker):
    """What the worker wrote, once it has ended by itself on SIGTERM."""
    worker.send_signal(signal.SIGTERM)
    _, written = worker.communicate(timeout=20)
    assert worker.returncode == 0
    return written.decode()


def sent():
    return Mail.select().where(Mail.state == "sent").count()


def test_three_workers_send_each_mail_exactly_once(posted, server, tmp_path):
    rows = [a_mail("retiree", recipient=f"mandant{number}@exemple.fr") for number in range(60)]
    workers = [a_worker(posted, tmp_path) for _ in range(3)]
    wait_until(lambda: sent() == 60, seconds=120)  # three starts and sixty mails, perhaps on a busy machine
    assert [stop(worker) for worker in workers] == [""] * 3
    assert Counter(server.ids) == Counter(map(outbox.message_id, rows))


def test_a_worker_killed_after_the_server_accepted_loses_nothing(posted, server, tmp_path):
    rows = [a_mail(recipient=f"mandant{number}@exemple.fr") for number in range(3)]
    worker = a_worker(posted, tmp_path)
    server.accepting = lambda message: worker.kill()
    server.hangs = True
    worker.wait(30)
    server.accepting, server.hangs = lambda message: None, False
    assert sorted(again(row).state for row in rows) == ["sending"] * 3
    assert outbox.send_batch() == 0  # its lease still runs
    let_time_pass()
    assert outbox.send_batch() == 3
    assert set(server.ids) == set(map(outbox.message_id, rows)) and len(server.ids) == 4


def test_sigterm_finishes_the_mail_in_hand(posted, server, tmp_path):
    rows = [a_mail(recipient=f"mandant{number}@exemple.fr") for number in range(5)]
    worker = a_worker(posted, tmp_path)
    server.accepting = lambda message: (worker.terminate(), time.sleep(0.3))
    assert worker.wait(30) == 0
    worker.stderr.close()
    assert Counter(again(row).state for row in rows) == {"sent": len(server.received),
                                                         "waiting": 5 - len(server.received)}
    assert len(server.received) < 5


def said(line):
    """After the time, the level and the logger."""
    return line.split(" ", 3)[3]


def test_a_worker_waits_for_a_server_that_is_gone_and_says_so_in_a_line(posted, server, tmp_path):
    row = a_mail()
    server.stop()
    worker = a_worker(posted, tmp_path)
    found = worker.stderr.readline().decode()
    time.sleep(2)
    server.start()
    wait_until(lambda: again(row).state == "sent")
    assert len(server.received) == 1
    time.sleep(1)
    lines = [said(line) for line in (found, *stop(worker).splitlines())]
    assert [line.split(":")[0] for line in lines] == ["mails", "mails"] and "exemple" not in "".join(lines)


def test_a_worker_seals_the_journal_even_while_the_mail_server_hangs(posted, server, tmp_path):
    a_procuration("validee")
    server.hangs = True
    worker = a_worker(posted, tmp_path)
    wait_until(lambda: server.received and not Event.select().where(Event.seq.is_null()).exists())
    worker.kill()
    worker.communicate()


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_worker_survives_the_loss_of_its_database(posted, server, postgresql_server, tmp_path):
    row = a_mail()
    worker = a_worker(posted, tmp_path)
    wait_until(lambda: again(row).state == "sent")
    name = Mail._meta.database.execute_sql("SELECT current_database(), pg_backend_pid()").fetchone()
    with psycopg.connect(postgresql_server, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name[0]} ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s", name)
        time.sleep(2)
        late = a_mail()
        admin.execute(f"ALTER DATABASE {name[0]} ALLOW_CONNECTIONS true")
    wait_until(lambda: again(late).state == "sent")
    time.sleep(3)
    lines = [said(line) for line in stop(worker).splitlines()]
    often = [line.split(":")[0] for line in lines if not line.startswith(("clock", "job "))]    # these look less often
    assert Counter(often) == {"journal": 2, "mails": 2} and len(server.received) == 2
