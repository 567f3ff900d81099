"""French spaces: authors write ordinary ones, readers get the no-break ones of the Imprimerie nationale.

Bound once, when a template is compiled and when a catalogue is read: a page costs nothing more, and what somebody typed
or a database holds is shown as it is. docs/adr/0006 tells what was tried.
"""
import re
from typing import Callable, NamedTuple

from jinja2.ext import Extension
from jinja2.lexer import Token

WIDE, THIN = "\u00a0", "\u202f"  # a word's space, and a quarter of an em

COUNTED = ("janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre|ans?|mois|semaines?|"
           "jours?|heures?|h|minutes?|min|secondes?|tours?|fois|caractères|lettres|chiffres|procurations?|demandes?|"
           "communes?|personnes?|Ko|Mo|euros?|€(?!\\w)")
SHORTENED = r"MM?\.|Mmes?|n°|art\.|[LRD]\.|p\.|tél\.|§"
NUMBERED = "[Aa]rticles?|[ÉéE]tapes?|[Pp]ages?|[Cc]erfa"

RULES = tuple((re.compile(pattern), bound) for pattern, bound in (
    (r"\s+(?=[;!?](?!\w))", THIN),
    (r"(?<=\d)(?<!\d{4}) (?=\d{3}(?!\d))", THIN),                       # 160 000
    (r"\s+(?=[:»](?!\w))", WIDE),
    (r"«\s+", "«" + WIDE),
    (r" (?=%%?(?![(\w]))", WIDE),                                       # but not before a blank, %(name)s
    (rf"(\d|\b1er|\b2d) (?=(?:{COUNTED})(?!\w))", r"\1" + WIDE),
    (r"(\d\sh) (?=\d)", r"\1" + WIDE),                                  # 10 h 30
    (rf"(?<![\w.])({SHORTENED}) (?=\S|\Z)", r"\1" + WIDE),              # art. L. 73, M. Nom
    (rf"\b({NUMBERED}) (?=\d|1er|[LRD]\.)", r"\1" + WIDE),
))


def bind(text, thin=THIN):
    """`text` with its spaces bound. `thin` is WIDE where the narrow one may be missing from the reader's font."""
    for pattern, bound in RULES:
        text = pattern.sub(bound, text)
    return text.replace(THIN, thin)


def loosen(text):
    """`text` with ordinary spaces only: for a mail's subject, a calendar, a file name."""
    return re.sub(f"[{WIDE}{THIN}]", " ", text)


# --- The prose of a template ----------------------------------------------------------------------------------------

class _Place(NamedTuple):
    """Where in a document one stands: up to what, whether it is prose, and what comes after."""

    until: re.Pattern
    prose: bool
    then: Callable


SPOKEN = {"title", "alt", "placeholder", "aria-label", "aria-description", "data-label"}  # attributes
VERBATIM = {"script", "style", "code", "pre", "kbd", "samp", "textarea"}
MARK = re.compile(r"<(!--|[/!]?[a-zA-Z][\w-]*)")
IN_TAG = re.compile(r"([\w-]+)\s*=\s*([\"'])|>")
NEVER = re.compile(r"(?!)")


def _marked(found):
    return _Place(re.compile("-->"), False, _to_text) if found[1] == "!--" else _tag(found[1].lower())


def _tag(name):
    return _Place(IN_TAG, False, lambda found: _value(found, name) if found[1] else _content(name))


def _value(found, name):
    return _Place(re.compile(found[2]), found[1].lower() in SPOKEN, lambda closed: _tag(name))


def _content(name):
    return _Place(re.compile(f"(?=</{name})", re.IGNORECASE), False, _to_text) if name in VERBATIM else TEXT


def _to_text(found):
    return TEXT


TEXT = _Place(MARK, True, _marked)
PLAIN = _Place(NEVER, True, _to_text)


class Prose:
    """Tells prose from markup in a document that comes in pieces: an expression may stand inside of an attribute."""

    def __init__(self, place=TEXT):
        self.place = place

    def parts(self, piece):
        """(part, whether it is prose) in order; together they are the piece."""
        start = 0
        while start < len(piece):
            found = self.place.until.search(piece, start)
            end = found.start() if found else len(piece)
            yield piece[start:end], self.place.prose
            if not found:
                return
            yield found[0], False
            self.place, start = self.place.then(found), found.end()


# --- Jinja ----------------------------------------------------------------------------------------------------------

class Spaces(Extension):
    """Binds the spaces of templates while they are compiled; the environment's bytecode cache keeps the outcome."""

    def filter_stream(self, stream):
        name = stream.name or ""
        document = Prose(PLAIN if name.endswith(".txt") else TEXT)
        for token in stream:
            if token.type == "data":
                parts = document.parts(token.value)
                text = "".join(self.bound(part, name) if prose else part for part, prose in parts)
                token = Token(token.lineno, token.type, text)
            elif token.type == "string" and document.place.prose:
                token = Token(token.lineno, token.type, self.bound(token.value, name))
            yield token

    def bound(self, text, name):
        """A piece of the template of this name. Mails keep to Latin-1's space, which every font of every reader has."""
        return bind(text, WIDE if name.startswith("mails/") else THIN)
