"""Récépissés: what a mandant takes to the counter, then shows or keeps, on one A4 page; as a page of the portal too.

The words are those of `templates/mails/<name>/recepisse.txt`, a line for each thing, told by its mark:

    # title    > what matters most    @ reference    ~ its letters    = label | fact (no label: one more)
    ## heading of a section    - item    1. step    _ small print    anything else is a paragraph
"""
import re
from itertools import groupby
from typing import NamedTuple

import segno

from portal.texts import filled

MARK = re.compile(r"(#{1,2}|[>@~=_-]|\d\.) (.*)")


class Section(NamedTuple):
    """`groups` are (mark, texts) in order: a list, or paragraphs."""

    heading: str
    groups: list


class Sheet(NamedTuple):
    """What a récépissé says. `facts` are (label, values); `reference` and `letters` None where it shows none."""

    title: str
    essence: str
    reference: str | None
    letters: str | None
    facts: list
    sections: list
    small_print: list

    @property
    def code(self):
        """The six characters alone: what a scanner types into the officer's field."""
        return self.reference and self.reference.replace(" ", "")

    @property
    def qr(self):
        """The code as a QR code, a third of which may be hidden: read at once by the worst scanner."""
        return self.code and segno.make(self.code, error="h", micro=False)


def sheet(name, facts):
    """What the récépissé of the mail `name` says, with the facts of `portal.mail.facts`."""
    flat = {fact: " ".join(value.split()) if isinstance(value, str) else value for fact, value in facts.items()}
    lines = [_marked(line) for line in filled(f"mails/{name}/recepisse.txt", flat).split("\n") if line]
    single = dict(line for line in lines if line[0] in ("#", ">", "@", "~"))
    return Sheet(single["#"], single[">"], single.get("@"), single.get("~"), _facts(lines), _sections(lines),
                 [text for mark, text in lines if mark == "_"])


def _marked(line):
    found = MARK.fullmatch(line)
    mark, text = found.groups() if found else ("", line)
    return "1." if mark[:1].isdigit() else mark, text


def _facts(lines):
    found = []
    for label, _, value in (text.partition("|") for mark, text in lines if mark == "="):
        if label.strip():
            found.append((label.strip(), []))
        found[-1][1].append(value.strip())
    return found


def _sections(lines):
    found = []
    for mark, text in lines:
        if mark == "##":
            found.append((text, []))
        elif mark in ("", "-", "1."):
            found[-1][1].append((mark, text))
    return [Section(heading, _grouped(body)) for heading, body in found]


def _grouped(lines):
    return [(mark, [text for _, text in group]) for mark, group in groupby(lines, lambda line: line[0])]
