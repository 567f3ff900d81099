"""Is the portal well? For machines that watch it."""
from flask import jsonify

from portal.access import PUBLIC, access
from portal.pages import pages


@pages.get("/sante")
@access(PUBLIC)
def sante():
    return jsonify(database="ok")
