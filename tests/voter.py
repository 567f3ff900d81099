"""A voter in front of the public pages, for tests: opens, fills, reads again, sends. Answers are the client's."""
import re

from tests import lint
from tests.factories import a_voter, log_in

PATH = "/demande"


class Page(lint.Page):
    """A page as a browser without JavaScript sees it."""

    @property
    def text(self):
        return " ".join(" ".join(tag["text"] for tag in self.all("title", "main")).split())

    @property
    def title(self):
        return self.all("title")[0]["text"]

    def fields(self, action=PATH):
        """What the form that posts to `action` sends: name -> list of values, buttons aside."""
        form = next(tag for tag in self.all("form") if tag.get("action") == action)
        sent = {}
        for tag in self.within(form, "input"):
            if tag.get("type") not in ("radio", "checkbox") or "checked" in tag:
                sent.setdefault(tag["control"], []).append(tag.get("value", ""))
        return sent

    def error_at(self, name):
        """What is said at a control, empty when it is not at fault."""
        return "".join(tag["text"] for tag in self.tags if tag.get("id") == f"{name}-erreur").strip()

    @property
    def summary(self):
        return "".join(tag["text"] for tag in self.tags if tag.get("id") == "erreurs")

    def choices(self, name):
        """Values to choose from under a name."""
        return [tag["value"] for tag in self.all("input") if tag["control"] == name]


class Mandant:
    """Logged in by FranceConnect. Every visit keeps the page in `page` and the answer in `answer`."""

    answer = page = None

    def __init__(self, client, **columns):
        self.client, self.row = client, a_voter(**{"email": SOUND["email"], **columns})
        log_in(client, voter=self.row)

    def opens(self, path=PATH):
        return self._see(self.client.get(path))

    def posts(self, fields, path=PATH):
        return self._see(self.client.post(path, data=fields))

    def _see(self, answer):
        self.answer, self.page = answer, Page(answer.text)
        assert not re.search(r"\b(form|commune|retrait)\.[a-z_]+\.?\w*\b(?=<)", answer.text), "a key without a sentence"
        return self.page

    def fills(self, **answers):
        """Open the form, answer everything soundly but for `answers` (`__` for a hyphen; None: not sent), send."""
        fields = {**self.opens().fields(), **SOUND, "tours": self.page.choices("tours")}
        return self.posts(with_answers(fields, answers))

    def confirms(self, **answers):
        """From the check page: send what it carries, but for `answers`."""
        return self.posts(with_answers({**self.page.fields(), "confirmer": "oui"}, answers))

    def asks(self, **answers):
        """The whole way, to the confirmation page."""
        self.fills(**answers)
        self.confirms()
        assert self.answer.status_code == 303, self.page.summary
        return self.opens(self.answer.location)


SOUND = {
    "email": "mandant@exemple.fr", "commune": "lyon", "mandataire-birth_name": "Petit",
    "mandataire-first_names": "Sacha Léo", "mandataire-sex": "M", "mandataire-birth_date-day": "7",
    "mandataire-birth_date-month": "11", "mandataire-birth_date-year": "1975", "mandataire-registered_in": "Lyon (69)",
    "declaration": "y",
}


def with_answers(fields, answers):
    changed = {**fields, **{name.replace("__", "-"): value for name, value in answers.items()}}
    return {name: value for name, value in changed.items() if value is not None}


def day_fields(name, day):
    """The three parts of a date field."""
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}
