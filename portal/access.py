"""Who may open which route. Each route carries a rule; the application refuses to start where one is missing."""
from flask import abort, current_app, redirect, request, url_for
from flask_login import current_user

from werkzeug.exceptions import Unauthorized

from models import AGENT_ROLES, Role

PUBLIC = frozenset()
VOTERS = frozenset({Role.VOTER})
AGENTS = frozenset(AGENT_ROLES)
MANAGERS = frozenset({Role.MANAGER})
MINISTRY = frozenset({Role.MINISTRY})


class RouteWithoutAccess(RuntimeError):
    """A route would be open to nobody knows whom."""


class SessionOver(Unauthorized):
    """A voter's form came after the end of their session: it is not sent away, since it would be lost on the way."""


def access(roles):
    """Decorator of a view: the roles that may open it (PUBLIC: anybody)."""
    def mark(view):
        view.access = frozenset(roles)
        return view
    return mark


def declare(app, endpoint, roles):
    """The rule of a route whose function is not ours (Flask-Admin's methods, static files)."""
    app.extensions.setdefault("access", {})[endpoint] = frozenset(roles)


def rule_of(app, endpoint):
    """The roles of an endpoint; None when nobody said."""
    declared = app.extensions.get("access", {})
    return declared.get(endpoint, getattr(app.view_functions.get(endpoint), "access", None))


def install(app):
    declare(app, "static", PUBLIC)
    app.before_request(enforce)


def guard(app):
    """Raise RouteWithoutAccess for the first route without a rule. Call once everything is registered."""
    for rule in app.url_map.iter_rules():
        if rule_of(app, rule.endpoint) is None:
            raise RouteWithoutAccess(f"{rule} ({rule.endpoint}): say who may open it, see portal/access.py")


def enforce():
    """Before each request: 404 for what another role owns, the right log-in page for somebody unknown."""
    roles = rule_of(current_app, request.endpoint) if request.endpoint else PUBLIC
    if roles == PUBLIC or (current_user.is_authenticated and current_user.actor.role in roles):
        return None
    if current_user.is_authenticated:
        abort(404)
    if roles != VOTERS:
        return redirect(url_for("pages.connexion"), 303)
    if request.method == "POST":
        raise SessionOver()
    return redirect(url_for("pages.accueil", suite=request.path), 303)
