"""The outbox: composes what `portal.mail` queued and hands it to the mail server, at least once, never lost."""
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from portal import settings
from portal.catalogue import day

TEMPLATES = Path(__file__).parent.parent / "templates"


class Rendered(NamedTuple):
    """A mail as people read it. `subject` is one line."""

    subject: str
    text: str
    html: str


@cache
def _environment():
    """Templates outside any request; a fact that is missing fails instead of leaving a blank."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True, autoescape=select_autoescape(["html"]))
    environment.filters["day"] = day
    return environment


def render(name, context):
    """The mail `name` of `templates/mails` with the facts of `portal.mail.facts`. Needs no request."""
    facts = {**context, "base_url": settings.active().base_url.rstrip("/")}
    subject = _fill(name, "subject.txt", facts).strip()
    return Rendered(subject, _fill(name, "body.txt", facts), _fill(name, "body.html", {**facts, "subject": subject}))


def _fill(name, part, facts):
    filled = _environment().get_template(f"mails/{name}/{part}").render(facts)
    return re.sub(r"\n{3,}", "\n\n", filled).strip() + "\n"
