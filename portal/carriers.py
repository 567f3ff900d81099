"""What takes a composed mail away: an SMTP server, or a Maildir folder for the demonstration."""
import mailbox
import smtplib
import socket
import ssl
import threading
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

CONNECT = 10   # seconds, for the connection and each of its answers
TOTAL = 30     # seconds, for one mail
FOLDER = "var/courriels"
PORTS = {"smtp": 25, "smtp+starttls": 587}


class Unreachable(Exception):
    """The server cannot be spoken to, or takes nothing from us: no mail is at fault."""


class Interrupted(Unreachable):
    """Lost in the middle of a mail, which may have been accepted: it goes again, with the same Message-ID."""


class TurnedAway(Exception):
    """The server refused this mail; `lasting` when trying again is useless."""

    def __init__(self, code, answer):
        super().__init__(f"{code} {answer}")
        self.lasting = code >= 500


def open_carrier(url):
    """The carrier `url` names: smtp://…, smtp+starttls://user:password@host:587 or mailbox:folder."""
    parts = urlsplit(url)
    return FolderCarrier(parts.path) if parts.scheme == "mailbox" else SmtpCarrier(parts)


class FolderCarrier:
    """Drops mails into a Maildir."""

    def __init__(self, folder):
        self.folder = mailbox.Maildir(folder or FOLDER)

    def carry(self, message):
        try:
            self.folder.add(message)
        except OSError as error:
            raise Unreachable(type(error).__name__) from error

    def close(self):
        self.folder.close()


class SmtpCarrier:
    """One connection, opened by the first mail and kept for the next ones."""

    def __init__(self, parts):
        self.parts = parts
        self.server = None

    def carry(self, message):
        """Hand `message` over. Raises Unreachable, Interrupted, TurnedAway; returns once the server answers for it."""
        self._be_ready()
        try:
            with _within(TOTAL, self.server):
                self._hand_over(message)
        except OSError as error:  # smtplib's own included
            self.close()
            raise Interrupted(type(error).__name__) from error

    def _hand_over(self, message):
        sender, recipient = (message[header].addresses[0].addr_spec for header in ("From", "To"))
        try:
            self.server.send_message(message, sender, [recipient])
        except smtplib.SMTPRecipientsRefused as refused:
            raise _turned_away(*refused.recipients[recipient]) from refused
        except smtplib.SMTPDataError as refused:
            raise _turned_away(refused.smtp_code, refused.smtp_error) from refused
        except smtplib.SMTPNotSupportedError as refused:  # an address beyond ASCII
            raise TurnedAway(553, "SMTPUTF8") from refused
        except smtplib.SMTPSenderRefused as refused:  # the same for every mail
            raise Unreachable(f"{refused.smtp_code}") from refused

    def _be_ready(self):
        """Connected: again, when the server closed the line since the last mail."""
        if self._still_there():
            return
        self.close()
        try:
            self.server = self._connect()
        except OSError as error:
            raise Unreachable(type(error).__name__) from error

    def _still_there(self):
        try:
            return self.server and self.server.rset()[0] == 250
        except OSError:
            return False

    def _connect(self):
        parts = self.parts
        server = smtplib.SMTP(parts.hostname, parts.port or PORTS[parts.scheme], "localhost", timeout=CONNECT)
        with _closed_on_failure(server), _within(TOTAL, server):
            if parts.scheme == "smtp+starttls":
                server.starttls(context=ssl.create_default_context())
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.sock.settimeout(TOTAL)  # a server may take its time to answer for a mail
        return server

    def close(self):
        server, self.server = self.server, None
        if server:
            server.close()


def _turned_away(code, answer):
    return TurnedAway(code, answer.decode(errors="replace"))


@contextmanager
def _closed_on_failure(server):
    try:
        yield
    except BaseException:
        server.close()
        raise


@contextmanager
def _within(seconds, server):
    """Cut the connection after `seconds`: a time-out of sockets starts again with every byte."""
    timer = threading.Timer(seconds, _cut, [server.sock])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(sock):
    try:
        # Not SSLSocket's own, which would first drop the encryption another thread is using.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        pass  # already closed
