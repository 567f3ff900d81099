"""French: flask-babel reading the .po files of `portal/locale` themselves, so that no compiled copy can be stale.

Message ids are keys (`error.NotYours`), never sentences: Python holds no French. Only `libraries/` has sentences for
ids: what Flask-Admin and WTForms say by themselves, in better French than theirs.
"""
import datetime
import math
import re
from functools import cache
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations
from flask import request
from flask_admin import babel as admin_babel
from flask_admin import translations as admin_folder
from flask_babel import Babel, Domain
from wtforms.i18n import messages_path
from wtforms.meta import DefaultMeta

from portal.typography import Spaces, bind

LOCALE = "fr"
FOLDER = Path(__file__).parent / "locale" / LOCALE / "LC_MESSAGES"
LIBRARIES = FOLDER.parent / "libraries"
PARIS = ZoneInfo("Europe/Paris")
HOUR = "H 'h' mm"
LENGTHS = {"long": "d MMMM y", "full": "EEEE d MMMM y"}


class Sources(Domain):
    """A domain made of every .po file of the folder."""

    def get_translations(self):
        if not self.cache:
            self.cache[LOCALE] = _read(sorted(FOLDER.glob("*.po")))
        return self.cache[LOCALE]


def _read(paths):
    whole = Translations()
    for path in paths:
        compiled = BytesIO()
        with path.open("rb") as file:
            write_mo(compiled, read_po(file, locale=LOCALE))
        compiled.seek(0)
        part = Translations(compiled)
        whole._catalog.update({key: bind(sentence) for key, sentence in part._catalog.items()})
        whole.plural = part.plural
    return whole


class Catalogue(Babel):
    domain_instance = Sources()


def install(app):
    Catalogue(app, default_locale=LOCALE, locale_selector=lambda: LOCALE)
    app.jinja_env.filters.update(day=day, hour=hour, instant=instant, number=number, wait=wait)
    app.jinja_env.add_extension(Spaces)
    _correct_libraries(app)


def _correct_libraries(app):
    """Put our sentences where each library keeps those it has read: Flask-Admin, WTForms in it and alone, Flask-WTF."""
    forms = _corrected(messages_path(), "wtforms")
    admin_babel.domain.cache[LOCALE, "admin"] = _corrected(admin_folder.__path__[0], "admin")
    admin_babel.wtforms_domain.cache[LOCALE, "wtforms"] = DefaultMeta.translations_cache[LOCALE,] = forms

    @app.before_request
    def keep_for_flask_wtf():
        request.wtforms_translations = forms


@cache
def _corrected(folder, name):
    """A library's own French with our sentences instead of those that are clumsy or missing."""
    whole = Translations.load(folder, [LOCALE], name)
    whole._catalog.update(_read([LIBRARIES / f"{name}.po"])._catalog)
    return whole


def day(value, length="long"):
    """A day in French: 7 juin 2026, 1er mars 2026. Takes a date or its ISO text."""
    if isinstance(value, str):
        value = datetime.date.fromisoformat(value)
    return bind(_first(format_date(value, LENGTHS[length], locale=LOCALE), value))


def instant(value, zone=None):
    """An instant in French, on the clock of `zone` (an IANA name; Paris when nobody says). Takes its ISO text too."""
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    local = value.astimezone(ZoneInfo(zone) if zone else PARIS)
    return bind(_first(format_datetime(local, f"d MMMM y 'à' {HOUR}", tzinfo=local.tzinfo, locale=LOCALE), local))


def hour(value, zone=None):
    """The hour alone of an instant, on the clock of `zone` (Paris when nobody says): 9 h 05."""
    return bind(format_datetime(value, HOUR, tzinfo=ZoneInfo(zone) if zone else PARIS, locale=LOCALE))


def number(value):
    """A count in French: 160 000, by a narrow space."""
    return format_decimal(value, locale=LOCALE)


def wait(seconds):
    """A time to wait, never told too short: in minutes, beyond an hour and a half in hours."""
    minutes = max(1, math.ceil(seconds / 60))
    whole = {"minutes": minutes} if minutes <= 90 else {"hours": math.ceil(minutes / 60)}
    return bind(format_timedelta(datetime.timedelta(**whole), granularity="minute", threshold=1.6, locale=LOCALE))


def _first(text, value):
    """French writes the first of the month 1er, which CLDR's formats do not."""
    return re.sub(r"\b1 (?=\D)", "1er ", text, count=1) if value.day == 1 else text
