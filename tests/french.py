"""What people read, as its authors wrote it: the prose of templates and the sentences of catalogues."""
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po
from jinja2 import Environment

from portal import catalogue
from portal.typography import Spaces

ROOT = Path(__file__).parent.parent
WRITTEN = sorted((ROOT / "templates").rglob("*.*")) + sorted(catalogue.FOLDER.parent.rglob("*.po"))


class Heard(Spaces):
    """Keeps the prose of templates in place of binding it."""

    def __init__(self, environment):
        super().__init__(environment)
        environment.heard = []

    def bound(self, text, name):
        self.environment.heard.append(text)
        return text


@cache
def prose(path):
    """The pieces of French of a template or a catalogue: an expression, a tag or a message ends each."""
    return messages(path) if path.suffix == ".po" else of_template(path.read_text(), path.name)


def of_template(source, name):
    environment = Environment(extensions=[Heard])
    environment.parse(source, name)
    return environment.heard


def messages(path):
    entries = (entry for entry in read_po(path.open("rb")) if entry.id)
    return [text for entry in entries for text in ([entry.string] if isinstance(entry.string, str) else entry.string)]
