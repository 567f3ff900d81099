"""What is written of threats, of privacy and of the standard names what there is: files, tests, numbers."""
import ast
import re
from collections import Counter
from functools import cache

import pytest

from tests.generated import ROOT

PAPERS = ("docs/threats.md", "docs/privacy.md", "docs/asvs.md", "SECURITY.md")
LEVELS = """1.1:22 1.2:1111122223 1.3:112222222223 1.4:222 1.5:123 2.1:122 2.2:112 2.3:12223 2.4:23 3.1:3 3.2:113
3.3:12223 3.4:11222233 3.5:11122333 3.6:3 3.7:22333 4.1:12233 4.2:23333 4.3:22 4.4:1222 5.1:2 5.2:112333
5.3:113 5.4:222 6.1:122 6.2:111111112222 6.3:11223333 6.4:112233 6.5:22222333 6.6:2223 6.7:33 6.8:2222
7.1:222 7.2:1111 7.3:22 7.4:11222 7.5:223 7.6:22 8.1:1233 8.2:1123 8.3:133 8.4:23 9.1:111 9.2:1222 10.1:22
10.2:223 10.3:22223 10.4:1111122222233333 10.5:22222 10.6:22 10.7:222 11.1:2233 11.2:22233 11.3:11233
11.4:1222 11.5:23 11.6:23 11.7:33 12.1:12233 12.2:11 12.3:22223 13.1:2333 13.2:222223 13.3:2233 13.4:1222233
14.1:22 14.2:12223333 14.3:122 15.1:12233 15.2:12233 15.3:1222222 15.4:3333 16.1:2 16.2:22222 16.3:2222
16.4:222 16.5:2223 17.1:23 17.2:22223333 17.3:22"""     # of ASVS 5.0.0: the levels of each section's requirements


@cache
def functions_of(module):
    tree = ast.parse((ROOT / "tests" / f"{module}.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def unknown(text):
    """What a document names and does not exist."""
    quoted = set(re.findall(r"`([^`\n]+)`", text))
    tests = {name for name in quoted if re.fullmatch(r"test_\w+::\w+", name)}
    paths = {name for name in quoted if re.fullmatch(r"[\w.-]+(/[\w.-]*)+|\w+\.(md|py|cfg|txt)", name)}
    paths |= set(re.findall(r"\]\(([\w./-]+)\)", text))
    return {name for name in tests if not exists(*name.split("::"))} | {
        path for path in paths if not (ROOT / path).exists() and not (ROOT / "docs" / path).exists()}


def exists(module, test):
    return (ROOT / "tests" / f"{module}.py").exists() and test in functions_of(module)


@pytest.mark.parametrize("paper", PAPERS)
def test_what_a_paper_names_exists(paper):
    assert unknown((ROOT / paper).read_text()) == set()


def test_what_does_not_exist_is_caught():
    text = "`test_papers::test_nothing` `test_nowhere::test_x` `portal/nowhere.py` [a](nowhere.md) `models.py` `a == b`"
    assert unknown(text) == {"test_papers::test_nothing", "test_nowhere::test_x", "portal/nowhere.py", "nowhere.md"}


def required():
    """{number: level} of the requirements of level 1 or 2."""
    sections = (section.split(":") for section in LEVELS.split())
    return {f"{section}.{at}": level for section, levels in sections for at, level in enumerate(levels, 1)
            if level != "3"}


def rows(paper):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in (ROOT / paper).read_text().split("\n")
            if re.match(r"\| (T\d+|\d+\.\d+\.\d+) \|", line)]


def test_each_requirement_stands_once_with_its_level():
    found = rows("docs/asvs.md")
    assert Counter(row[0] for row in found) == Counter(required().keys())
    assert {row[0]: row[1] for row in found} == required() and len(found) == 253


def test_what_is_said_to_be_tested_names_a_test_and_the_rest_a_reason():
    for number, _, asked, state, how in rows("docs/asvs.md"):
        assert state in ("tested", "reviewed", "not met", "n/a") and asked and how, number
        assert state != "tested" or "::" in how, f"{number}: name its test"


def test_each_threat_stands_once_with_a_control_and_a_test():
    found = rows("docs/threats.md")
    assert [row[0] for row in found] == [f"T{number}" for number in range(1, 36)]
    for number, *cells in found:
        assert all(cells) and ("::" in cells[2] or "review" in cells[2]), number
