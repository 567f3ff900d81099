"""The proof that a page of the back office asked for: once given, that page opens. See `portal.step_up`."""
from flask import redirect, request

from portal import step_up
from portal.access import AGENTS, access
from portal.pages import pages


@pages.route("/connexion/preuve", methods=["POST"])
@access(AGENTS)
def preuve():
    step_up.demand()
    return redirect(request.script_root + (step_up.way_back() or step_up.own_page("")), 303)
