"""How long the session still lasts, for the page's script."""
from flask import jsonify
from flask_login import current_user
from flask_wtf.csrf import generate_csrf

from portal.access import AGENTS, VOTERS, access
from portal.pages import pages


@pages.get("/session")
@access(VOTERS | AGENTS)
def session():
    """{"left": seconds, "csrf_token": "…"}, where `left` counts from now: asking is being there. Without a session, a
    redirect as anywhere else. The token is the one forms must carry since the last log-in."""
    return jsonify(left=current_user.seconds_left, csrf_token=generate_csrf())
