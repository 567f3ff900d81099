"""The look: our neutral theme, or the official design system's files, which an operator entitled to them plugs in.

`MAPROCURATION_THEME_DIR` names the `dist` folder of a release of the design system: its `dsfr.min.css` (asked for at
start) and `utility/utility.min.css` take the place of `static/theme.css`; our own components stay.
"""
from pathlib import Path

from flask import send_from_directory

from portal import static_files
from portal.access import PUBLIC, access

OURS = ("static/theme.css", "static/portal.css")
OFFICIAL = ("dsfr.min.css", "utility/utility.min.css")
BRIDGE = ("static/official.css", "static/portal.css")
WEEK = 7 * 24 * 3600  # seconds


def install(app, settings):
    sheets = OURS
    if settings.theme_dir:
        folder = Path(settings.theme_dir).resolve()
        sheets = (*(f"theme/{name}" for name in OFFICIAL if (folder / name).is_file()), *BRIDGE)
        app.add_url_rule("/theme/<path:name>", "theme", access(PUBLIC)(_served_from(folder)))
    app.jinja_env.globals["stylesheets"] = lambda: sheets
    static_files.install(app)


def _served_from(folder):
    def theme(name):
        return send_from_directory(folder, name, max_age=WEEK)
    return theme
