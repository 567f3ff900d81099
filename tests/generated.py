"""The documents that are made of the code: `make docs` writes them, `tests/test_docs.py` says when they are behind."""
import ast
import re
from pathlib import Path

from models import TRANSITIONS, Status
from portal.law import LAW
from portal.mail import NAMES

ROOT = Path(__file__).parent.parent


def states():
    """docs/states.md: the states and acts of a file, as models.py has them."""
    acts = [f"| `{act.act}` | {_listed(act.sources) or '–'} | {act.target} | {_listed(act.roles)} | "
            f"{_listed(act.reasons)} | {NAMES.get(act.act, '')} |" for act in TRANSITIONS.values()]
    arrows = [f"    {source or '[*]'} --> {act.target}: {act.act}" for act in TRANSITIONS.values()
              for source in act.sources or ("",)]
    ends = [status for status in Status if not any(status in act.sources for act in TRANSITIONS.values())]
    return "\n".join((
        "# States and acts", "", "Made of `models.TRANSITIONS` and `portal.mail.NAMES` by `make docs`.", "",
        "```mermaid", "stateDiagram-v2", *arrows, "```", "",
        "| act | from | to | who | reasons to choose from | mail |", "|---|---|---|---|---|---|", *acts, "",
        f"Nothing leads out of {_listed(ends)}. *Échue* is computed: the last day covered is over.", ""))


def _listed(names):
    return ", ".join(map(str, names))


def law():
    """docs/law.md: each article, the setting that holds it, and its tests."""
    found = tests_by_key()
    rows = [f"| {article.source} | {article.says} | {_code(article.setting)} | {_tests(article.key, found)} |"
            for article in LAW]
    return "\n".join((
        "# The law, its settings, its tests", "",
        "Made of `portal.law.LAW` and of the names of the tests by `make docs`. What voters read of it is in",
        "`templates/public/aide.html`, with the article under each answer.", "",
        "| article | rule | setting | tests |", "|---|---|---|---|", *rows, ""))


def _code(settings):
    return ", ".join(f"`{name}`" for name in settings.split(", ") if name)


def _tests(key, found):
    """How to run them, and the files they are in."""
    files = sorted({name.partition("::")[0] for name in found[key]})
    return f"`pytest -k {key}` ({', '.join(files)})"


def tests_by_key():
    """The tests whose name bears the key of an article, in order."""
    names = sorted(f"{path.stem}::{node.name}" for path in (ROOT / "tests").glob("test_*.py")
                   for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)
                   and node.name.startswith("test_"))
    return {article.key: [name for name in names if re.search(rf"_{article.key}(_|$)", name)] for article in LAW}


DOCUMENTS = {"docs/states.md": states, "docs/law.md": law}

if __name__ == "__main__":
    for name, made in DOCUMENTS.items():
        (ROOT / name).write_text(made())
