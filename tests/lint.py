"""What every page must be. `conftest` hands it each HTML answer of the test client; a fault fails the test."""
from collections import Counter
from html.parser import HTMLParser

from portal.typography import loosen

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
LABELLED = {"input", "select", "textarea"}
UNLABELLED_TYPES = {"hidden", "submit", "button", "reset", "image"}


class Page(HTMLParser):
    """Tags in document order: name, attributes, text inside with ordinary spaces, tags around."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.forms, self.inside = [], [], [], {}
        self.feed(html)

    def handle_starttag(self, name, attributes):
        tag = {"name": name, "text": "", "inside": list(self.open), **dict(attributes)}
        tag["name"], tag["control"] = name, dict(attributes).get("name")
        self.tags.append(tag)
        if name not in VOID:
            self.open.append(tag)

    def handle_endtag(self, name):
        while self.open and self.open.pop()["name"] != name:
            pass

    def handle_data(self, data):
        for tag in self.open:
            tag["text"] += loosen(data)

    def all(self, *names):
        return [tag for tag in self.tags if tag["name"] in names]

    def within(self, outer, *names):
        return [tag for tag in self.all(*names) if any(parent is outer for parent in tag["inside"])]


def faults(html):
    """Sentences, one per fault of the page; none when it is as it must be."""
    page = Page(html)
    return [*_language(page), *_heading(page), *_identifiers(page), *_inline(page), *_labels(page), *_forms(page)]


def _language(page):
    if [tag.get("lang") for tag in page.all("html")] != ["fr"]:
        yield "<html> must say lang=fr"


def _heading(page):
    titles, headings = page.all("title"), page.all("h1")
    if len(headings) != 1:
        yield f"one h1 is expected, not {len(headings)}"
        return
    heading, title = _plain(headings[0]["text"]), _plain(titles[0]["text"]) if titles else ""
    if not title.removeprefix("Erreur : ").startswith(heading):
        yield f"the title “{title}” must begin with the h1 “{heading}”"


def _plain(text):
    return " ".join(text.split())


def _identifiers(page):
    counted = Counter(tag["id"] for tag in page.tags if tag.get("id"))
    yield from (f"id “{name}” stands {count} times" for name, count in counted.items() if count > 1)
    for tag in page.tags:
        for attribute in ("for", "aria-describedby", "aria-labelledby", "aria-controls"):
            for name in (tag.get(attribute) or "").split():
                if name not in counted:
                    yield f"{attribute}=“{name}” points at nothing"


def _inline(page):
    for tag in page.tags:
        for attribute in tag:
            if attribute.startswith("on") or attribute == "style":
                yield f"<{tag['name']}> has an inline {attribute}"
        if tag["name"] == "style" or tag["name"] == "script" and not tag.get("src"):
            yield f"inline <{tag['name']}>"


def _labels(page):
    labelled = {tag["for"] for tag in page.all("label") if tag.get("for")}
    for tag in page.all(*LABELLED):
        named = (tag.get("id") in labelled or tag.get("aria-label") or tag.get("aria-labelledby")
                 or any(parent["name"] == "label" for parent in tag["inside"]))
        if not named and tag.get("type") not in UNLABELLED_TYPES:
            yield f"<{tag['name']} name={tag['control']}> has no label"


def _forms(page):
    for form in page.all("form"):
        names = [tag["control"] for tag in page.within(form, "input")]
        if (form.get("method") or "get").lower() == "post" and names.count("csrf_token") != 1:
            yield f"the form to {form.get('action')} has {names.count('csrf_token')} csrf_token"
