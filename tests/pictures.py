"""`make pictures`: each screen as a picture on a phone and on a screen, and one page to look at them all.

    python -m tests.pictures [name…]    only the screens whose name holds one of these words

Pictures and `index.html` go to var/pictures. Those of BEST are copied to docs/pictures when they are made.
"""
import shutil
import sys
import tempfile
from pathlib import Path

from flask import Flask, render_template

from tests.browser import PHONE, SCREEN, chromium
from tests.screens import SCREENS, opened
from tests.world import World

ROOT = Path(__file__).parent.parent
HERE, KEPT = ROOT / "var" / "pictures", ROOT / "docs" / "pictures"
DARK = ("public/accueil", "mandant/demande", "mandant/mes-procurations", "guichet/dossier", "mairie/grille",
        "mairie/dossier-etablie", "courriels/deposee")
BEST = {  # a picture of docs/pictures: the screen it shows and how
    "accueil.png": "public/accueil-1280.png",
    "guichet.png": "guichet/dossier-1280.png",
    "mairie.png": "mairie/dossier-etablie-1280.png",
}
WAYS = {"390": {"viewport": PHONE}, "1280": {"viewport": SCREEN}}


def main(words):
    chosen = [screen for screen in SCREENS if not words or any(word in screen.name for word in words)]
    with tempfile.TemporaryDirectory() as folder, World(Path(folder)) as world, chromium() as browser:
        for screen in chosen:
            picture(browser, world, screen)
            print(".", end="", flush=True)
    write_index()
    keep_the_best({screen.name for screen in chosen})
    print(f"\n{HERE / 'index.html'}")


def picture(browser, world, screen):
    """At both widths, the whole page; a screen that cannot be reached is told, and the others go on."""
    for width, options in ways(screen).items():
        path = HERE / f"{screen.name}-{width}.png"
        try:
            page = opened(browser, world, screen, **options)
            page.set_viewport_size({**options["viewport"], "height": height(page)})  # what sticks stands at its end
            page.screenshot(path=path)
            page.context.close()
        except Exception as error:
            path.unlink(missing_ok=True)
            print(f"\n{screen.name}: {str(error).splitlines()[0]}")


def height(page):
    return page.evaluate("Math.max(innerHeight, document.documentElement.scrollHeight)")


def ways(screen):
    dark = {f"{width}-sombre": {**options, "color_scheme": "dark"} for width, options in WAYS.items()}
    return {**WAYS, **(dark if screen.name in DARK else {})}


def write_index():
    """The contact sheet: the screens in the order of the list, one row each."""
    app = Flask("pictures", template_folder=str(Path(__file__).parent))
    rows = [(screen.name, [name for width in ways(screen) if (HERE / (name := f"{screen.name}-{width}.png")).exists()])
            for screen in SCREENS]
    with app.app_context():
        (HERE / "index.html").write_text(render_template("pictures.html", rows=rows))


def keep_the_best(made):
    for name, path in BEST.items():
        if path.rpartition("-")[0] in made and (HERE / path).exists():
            shutil.copy(HERE / path, KEPT / name)


if __name__ == "__main__":
    main(sys.argv[1:])
