"""Templates read outside any request: mails and the documents that go with them."""
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from portal import settings
from portal.catalogue import day, instant
from portal.single_use import token_of
from portal.typography import Spaces

TEMPLATES = Path(__file__).parent.parent / "templates"
MAIL, LETTER = "mails/base.html", "mails/letter.html"


class Layout(FileSystemLoader):
    """The same templates, in another layout than the mails': the same blocks, so the same sentences."""

    def __init__(self, layout):
        super().__init__(TEMPLATES)
        self.layout = layout

    def get_source(self, environment, template):
        return super().get_source(environment, self.layout if template == MAIL else template)


@cache
def _environment(layout=MAIL):
    """A fact that is missing fails instead of leaving a blank."""
    environment = Environment(loader=Layout(layout), undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True, autoescape=select_autoescape(["html"]), extensions=[Spaces])
    environment.filters.update(day=day, instant=instant, token_of=token_of)
    return environment


def filled(template, facts, layout=MAIL):
    """The text of `template` with `facts` (see `portal.mail.facts`) and the portal's address; no two blank lines.
    `layout` is that of a body in HTML."""
    base_url = settings.active().base_url.rstrip("/")
    text = _environment(layout).get_template(template).render({**facts, "base_url": base_url})
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
