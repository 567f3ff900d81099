"""The whole product as processes on loopback: the demonstration for journeys, portal and worker alone for faults."""
import contextlib
import mailbox
import os
import re
import signal
import socket
import subprocess
import sys
import time
from email.header import decode_header, make_header
from pathlib import Path

import requests

from tests.engines import LOOPBACK

ROOT = Path(__file__).parent.parent
START = 90  # seconds at most until the portal answers


def free_ports(count):
    """That many consecutive free ports of loopback."""
    while True:
        with contextlib.ExitStack() as stack:
            first = _bind(stack, 0)
            if first + count < 65000 and all(_bind(stack, first + step) for step in range(1, count)):
                return first


def _bind(stack, port):
    probe = stack.enter_context(socket.socket())
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        return 0
    return probe.getsockname()[1]


class Process:
    """A process of the product in its own group, so that it ends with its children and by its own id only."""

    def __init__(self, folder, *arguments, **settings):
        self.log = folder / f"{arguments[1].replace('.', '-')}-{time.monotonic_ns()}.log"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "FLASK_APP": "app", "PYTHONUNBUFFERED": "1",
                       "MAPROCURATION_SHARED_NETWORKS": LOOPBACK,
                       **{f"MAPROCURATION_{name.upper()}": value for name, value in settings.items()}}
        with self.log.open("wb") as output:
            self.child = subprocess.Popen([sys.executable, *arguments], cwd=folder, env=environment, stdout=output,
                                          stderr=subprocess.STDOUT, start_new_session=True)

    def stop(self, number=signal.SIGTERM):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, number)
        self.child.wait(30)

    def kill(self):
        self.stop(signal.SIGKILL)

    def await_answer(self, url):
        """Until `url` answers 200; the log is shown when the process ends before."""
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(url, timeout=5).status_code == 200:
                    return
            if self.child.poll() is not None:
                break
            time.sleep(0.2)
        raise AssertionError(f"{url} never answered:\n{self.log.read_text()}")


class Demo:
    """`make run` in a folder of its own."""

    def __init__(self, folder, database_url):
        self.folder, self.port = folder, free_ports(2)
        self.url, self.standin = f"http://localhost:{self.port}", f"http://localhost:{self.port + 1}"
        self.process = Process(folder, "-m", "demo", "--port", str(self.port), database_url=database_url)
        self.process.await_answer(f"{self.url}/sante")

    @property
    def password(self):
        return (self.folder / "var" / "demo_password").read_text()

    def mail(self, recipient, about, patience=60):
        """The text of the first mail to `recipient` whose subject holds `about`."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            for message in mailbox.Maildir(self.folder / "var" / "courriels", create=False):
                if message["To"] == recipient and about in _subject(message):
                    return _text(message)
            time.sleep(0.3)
        raise AssertionError(f"no mail “{about}” to {recipient} within {patience} s")


def _subject(message):
    return str(make_header(decode_header(message["Subject"])))


def _text(message):
    part = next(part for part in message.walk() if part.get_content_type() == "text/plain")
    return part.get_payload(decode=True).decode()


def reference_in(text):
    """The reference a mail tells."""
    return re.search(r"\b[2-9B-Z]{3} [2-9B-Z]{3}\b", text)[0]
