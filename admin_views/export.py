"""CSV for spreadsheets: streamed, with French separators, and without formulas."""
import csv
import io
import unicodedata

from flask import Response, current_app

from models import database
from portal import step_up, walls
from portal.typography import loosen

CHUNK = 500                                 # rows read at a time
MOST_UNPROVED = 1_000                       # rows: for more, whoever asks proves anew that it is them
BYTE_ORDER_MARK = "\ufeff"                  # else a spreadsheet takes UTF-8 for something else
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")  # OWASP, CSV injection


def want_proof(ids):
    """Before so many rows leave."""
    if len(ids) > MOST_UNPROVED:
        step_up.demand()


def stream(titles, ids, read, filename):
    """A file of `titles`, then of what `read` makes of each run of `ids`: lists of values.

    The request's connection is gone when the file leaves, and must not wait for a slow reader: each run takes its own,
    behind the wall that stands here.
    """
    app, wall = current_app._get_current_object(), walls.here()
    return Response(_pieces(app, wall, titles, ids, read), mimetype="text/csv",
                    headers={"Content-Disposition": f"attachment; filename={filename}"})


def _pieces(app, wall, titles, ids, read):
    yield BYTE_ORDER_MARK + _lines([titles])
    for start in range(0, len(ids), CHUNK):
        yield _run(app, wall, ids[start:start + CHUNK], read)


def _run(app, wall, ids, read):
    with app.app_context(), walls.around(wall), database.connection_context():
        return _lines(read(ids))


def _lines(rows):
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([safe(value) for value in row] for row in rows)
    return text.getvalue()


def safe(value):
    """Text that no spreadsheet takes for a formula, with the ordinary spaces that others' programs look for."""
    text = "" if value is None else loosen(str(value))
    read = unicodedata.normalize("NFKC", text)      # a full-width ＝ is read as the other one
    return "'" + text if read.startswith(FORMULA) or read.lstrip().startswith(FORMULA) else text
