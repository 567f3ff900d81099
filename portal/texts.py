"""Templates read outside any request: mails and the documents that go with them."""
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from portal import settings
from portal.catalogue import day
from portal.single_use import token_of
from portal.typography import Spaces

TEMPLATES = Path(__file__).parent.parent / "templates"


@cache
def _environment():
    """A fact that is missing fails instead of leaving a blank."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True, autoescape=select_autoescape(["html"]), extensions=[Spaces])
    environment.filters.update(day=day, token_of=token_of)
    return environment


def filled(template, facts):
    """The text of `template` with `facts` (see `portal.mail.facts`) and the portal's address; no two blank lines."""
    base_url = settings.active().base_url.rstrip("/")
    text = _environment().get_template(template).render({**facts, "base_url": base_url})
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
