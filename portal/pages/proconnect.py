"""The agents' way in by ProConnect, and their proof anew by it (see `portal.step_up`)."""
import json
import logging

from flask import abort, current_app, redirect, render_template, request
from flask_login import current_user
from werkzeug.local import LocalProxy

from models import WebSession, now
from portal import attempts, oidc, proconnect, sealed, sessions, step_up
from portal.access import AGENTS, PUBLIC, access
from portal.attempts import LogInLost
from portal.error_pages import Unavailable
from portal.pages import answers, pages
from portal.pages.answers import Answer
from portal.pages.connexion import back_office, come_in
from portal.proconnect import AnotherAgent, NotKnownHere
from portal.throttling import IDENTITY, limited

KIND = "proconnect"         # of the attempts: those of FranceConnect are worth nothing here
RETURN = "/proconnect/retour"
REFUSALS = (  # what is wrong with an answer, the gravest kinds first: (error, word of the template, status)
    (NotKnownHere, "inconnu", 403), (AnotherAgent, "autre_compte", 403), (oidc.TooWeak, "niveau", 403),
    (oidc.Distrusted, "perdu", 400), (LogInLost, "perdu", 400))
log = logging.getLogger("maprocuration.proconnect")
provider = LocalProxy(lambda: current_app.extensions["proconnect"])
anew = LocalProxy(lambda: current_app.extensions["proconnect_anew"])    # asks again of who is logged in there


class ProConnectDown(Unavailable):
    page = "errors/proconnect.html"


def install(app, settings):
    app.extensions["proconnect"] = proconnect.provider(settings)
    app.extensions["proconnect_anew"] = proconnect.provider(settings, recent=step_up.FRESH.total_seconds())


@pages.post("/proconnect/connexion")
@access(PUBLIC)
@limited(IDENTITY)
def connexion_proconnect():
    """`autre`: with another account than the one ProConnect knows in this browser."""
    return leave(anew if request.form.get("autre") else provider)


@pages.get(RETURN)
@access(PUBLIC)
@limited(IDENTITY, methods=("GET",))
def retour_proconnect():
    attempt = None
    try:
        answer = Answer.of(request.args)
        if answers.already_in(answer, KIND):
            return redirect(back_office(), 303)
        attempt = answers.begun_here(answer, kind=KIND, aimed=None)
        return (prove if attempt.aim else log_in)(attempt, answer)
    except oidc.Outage as error:
        log.error("outage: %s", error)
        raise ProConnectDown() from error
    except tuple(error for error, *_ in REFUSALS) as error:
        log.warning("refused: %s", error)
        return stopped(attempt, *next(how for kind, *how in REFUSALS if isinstance(error, kind)))


def leave(there, **attempt):
    if not there:
        abort(404)
    try:
        url = answers.departure(there, RETURN, kind=KIND, **attempt)
    except oidc.Outage as error:
        log.error("outage: %s", error)
        raise ProConnectDown() from error
    return render_template("public/depart.html", url=url, there="proconnect")


def stopped(attempt, why, status):
    """Nobody came in."""
    back = attempt and attempt.aim and attempt.aim["path"]
    return render_template("public/proconnect_arrete.html", why=why, back=back), status


# --- A log-in -------------------------------------------------------------------------------------------------------

def log_in(attempt, answer):
    """Open the agent's session; the second of two clicks shares the first one's proof."""
    if answer.error:
        answers.declined(provider, attempt, answer)
        return stopped(attempt, "abandon", 200)
    if attempts.claim(attempt):
        with answers.tokens(provider, attempt, answer, RETURN) as tokens:
            agent = proconnect.recognise(provider.issuer, tokens.claims["sub"], tokens.userinfo)
            enter(agent, attempt, tokens)
    else:
        first = attempts.outcome(attempt)
        enter(first.agent, attempt, first)
    return redirect(back_office(), 303)


def enter(agent, attempt, found):
    """`found`: the Tokens of the log-in, or the session that holds the same. ProConnect may have asked nothing of who
    sits there: what it was told earlier is a proof as old as it is."""
    with answers.same_browser():
        come_in(agent, login=attempt.login, id_token=found.id_token, proved_at=found.proved_at)


# --- A proof anew ---------------------------------------------------------------------------------------------------

@pages.post("/proconnect/preuve")
@access(AGENTS)
@limited(IDENTITY)
def preuve_proconnect():
    """From the page that asks for a proof. What it carries waits, sealed, for the way back."""
    path = step_up.own_page(request.form.get("preuve_suite") or request.form.get("preuve_chemin", ""))
    carried = [] if "preuve_suite" in request.form else step_up.carried()
    return leave(anew, aim={"login": current_user.session.login, "path": path,
                            "carried": sealed.seal(KIND, json.dumps(carried))})


def prove(attempt, answer):
    if not current_user.is_authenticated or current_user.session.login != attempt.aim["login"]:
        raise LogInLost()
    if answer.error:
        answers.declined(anew, attempt, answer)
        return stopped(attempt, "abandon", 200)
    if not step_up.is_fresh():
        _prove(attempt, answer)
    return _go_on(attempt.aim)


def _prove(attempt, answer):
    session = current_user.session
    if attempts.claim(attempt):
        with answers.tokens(anew, attempt, answer, RETURN) as tokens:
            proconnect.keep_proof(session, anew.issuer, tokens)
            sessions.prove(session)
    else:
        attempts.outcome(attempt, lambda: WebSession.get_or_none(
            WebSession.token_hash == session.token_hash, WebSession.proved_at > now() - step_up.FRESH))


def _go_on(aim):
    """To the page that was asked for, or with what was posted, which its button sends."""
    carried = json.loads(sealed.unseal(KIND, aim["carried"]))
    if not carried:
        return redirect(request.script_root + aim["path"], 303)
    return render_template("admin/step_up/suite.html", path=aim["path"], carried=carried)
