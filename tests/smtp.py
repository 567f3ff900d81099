"""A real SMTP server for tests: it accepts, refuses, hangs, or dies after accepting."""
import asyncio
import email
import email.policy
import socket

from aiosmtpd.controller import Controller


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


class MailServer:
    """On a port of the loopback, which it keeps from one start to the next.

    `recipients` is its answer to RCPT, one for all or by address; `content` its answer to the whole mail. `hangs`
    answers nothing then, `drips` never ends its answer, `dies` closes the line, all having accepted. `accepting` is
    called before the answer.
    """

    def __init__(self, **options):
        self.port = free_port()
        self.options = options
        self.received = []
        self.recipients, self.content = "250 OK", "250 OK"
        self.hangs = self.drips = self.dies = False
        self.accepting = lambda message: None
        self.controller = None

    def start(self):
        self.controller = Controller(self, "127.0.0.1", self.port, **self.options)
        self.controller.start()
        return self

    def stop(self):
        controller, self.controller = self.controller, None
        if controller:
            controller.stop(no_assert=True)

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def ids(self):
        return [message["Message-ID"] for message in self.received]

    @property
    def subjects(self):
        return [message["Subject"] for message in self.received]

    async def handle_RCPT(self, server, session, envelope, address, options):
        answers = self.recipients
        answer = answers.get(address, "250 OK") if isinstance(answers, dict) else answers
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):
        if not self.content.startswith("250"):
            return self.content
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        message.envelope = envelope
        self.received.append(message)
        self.accepting(message)
        if self.hangs:
            await asyncio.sleep(3600)
        while self.drips:
            await server.push("250-wait")
            await asyncio.sleep(0.1)
        if self.dies:
            server.transport.abort()
        return self.content
