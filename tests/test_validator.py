"""What judges the HTML of every page is there, and sees."""
import pytest

from tests import validator

PAGE = """<!DOCTYPE html>
<html lang="fr">
  <head><meta charset="utf-8"><title>Accueil</title></head>
  <body><main><h1>Accueil</h1><p id="un">Deux</p></main></body>
</html>"""


def test_html_validate_is_installed():
    assert validator.INSTALLED.exists(), "`make test` installs it; or: .venv/bin/python -m tests.npm tests/node"


@pytest.mark.parametrize("before, after, said", [
    ("<p id", "<ul id", "close-order"), ("Accueil</h1>", "<div>Accueil</div></h1>", "element-permitted-content"),
    ('id="un"', 'id="un" id="un"', "no-dup-attr"), ("<p ", '<p aria-labelledby="un" ', "aria-label-misuse"),
    ("Deux", "<center>Deux</center>", "deprecated")])
def test_html_that_is_none_is_caught(before, after, said):
    assert validator.faults_of(PAGE).result() == []
    assert said in " ".join(validator.faults_of(PAGE.replace(before, after)).result())


def test_a_page_is_told_from_another_by_more_than_its_numbers():
    assert validator.digest("<p>12") == validator.digest("<p>7") != validator.digest("<b>12")
