"""What is written of the states and of the law is what the code does."""
import re

import pytest

from portal.law import LAW
from tests import generated
from tests.generated import DOCUMENTS, ROOT


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_made_of_the_code_is_not_behind_it(name):
    assert (ROOT / name).read_text() == DOCUMENTS[name](), "run `make docs`"


@pytest.mark.parametrize("key", [article.key for article in LAW])
def test_every_article_applied_has_a_test_that_bears_its_name(key):
    assert generated.tests_by_key()[key]


def test_voters_read_every_article_of_the_code_that_is_applied():
    cited = set(re.findall(r"[LR]\. [0-9]+", (ROOT / "templates/public/aide.html").read_text()))
    assert {article for rule in LAW for article in re.findall(r"[LR]\. [0-9]+", rule.source)} - cited == set()
