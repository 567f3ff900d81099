"""Who may come in where: each route, for each role and method, answers what was read and frozen in tests/matrix.txt."""
import pytest
from flask_wtf.csrf import generate_csrf

from models import database
from tests import matrix
from tests.matrix import ROLES

READ_IT = "run `python -m tests.matrix`, read the difference, then commit it"


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    """One portal for all of these, on SQLite: an engine has no part in who comes in."""
    yield matrix.Doors(tmp_path_factory.mktemp("doors"))
    if not database.is_closed():
        database.close()


def sections(text):
    """The lines under each address."""
    found = {}
    for line in text.splitlines():
        if not line.startswith(" "):
            address = line
        found.setdefault(address, []).append(line)
    return found


@pytest.fixture(scope="module")
def served(doors):
    return sections("\n".join(matrix.lines(doors)))


def test_each_route_answers_each_role_and_method_as_it_was_read(served):
    frozen = sections(matrix.FROZEN.read_text())
    assert sorted(served) == sorted(frozen), READ_IT
    changed = {address: lines for address, lines in served.items() if lines != frozen[address]}
    assert changed == {}, READ_IT


def test_every_answer_has_strict_headers(doors, served):
    """Each route to each role and method: pages, files, redirects, refusals. Other errors are in test_doors.py."""
    assert served and doors.weak == []


def posts(doors):
    for rules in doors.rules():
        for rule in rules:
            if "POST" in rule.methods:
                yield rule


@pytest.fixture(scope="module")
def stolen(doors):
    """A sound token, of another session."""
    with doors.app.test_request_context():
        return generate_csrf()


@pytest.mark.parametrize("role", ROLES)
def test_no_post_is_taken_with_a_wrong_token_or_that_of_another_session(doors, stolen, role):
    taken = [f"{rule} {answer}" for rule in posts(doors) for token in ("faux", stolen)
             if not refused(answer := post(doors, role, rule, token))]
    assert taken == []


def post(doors, role, rule, token):
    return doors.said(doors.ask(role, "POST", doors.address(rule), data={**doors.form(rule), "csrf_token": token}))


def refused(answer):
    """For its token, or for who asks: never for the rest of what was posted."""
    return answer in ("400 token", "400", "404", "303 pages.connexion")


def test_a_post_that_is_exempt_is_caught(doors):
    """As one is by the decorator of Flask-WTF."""
    csrf = doors.app.extensions["csrf"]
    exempted = csrf.exempt(doors.app.view_functions["pages.deconnexion"])
    rule = next(rule for rule in posts(doors) if rule.endpoint == "pages.deconnexion")
    answer = post(doors, "voter", rule, "faux")
    csrf._exempt_views.remove(f"{exempted.__module__}.{exempted.__name__}")
    assert not refused(answer)
