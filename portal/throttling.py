"""What may be asked of the portal how often: by one address, and by one person where a view's `@limited` says so.

All of it is known before the view runs, and is counted in one statement there. What only the view can know (a wrong
code, a reference that names no file) it counts itself, see `portal.limits`.
"""
import ipaddress

from flask import current_app, request
from flask_login import current_user

from portal import settings
from portal.limits import DAY, HOUR, Limit, spend

UNCOUNTED = ("static", "theme", "pages.sante")      # endpoints

LOG_IN = Limit("log-in", 25, 15)                    # passwords and codes posted; the accounts have delays of their own
IDENTITY = Limit("identity", 20, 60)                # ways to an identity provider, and back
LINKS = Limit("links", 30, 60)                      # pages whose address is a secret, and searches that mail one
LISTS = Limit("lists", 120, 60)                     # communes, as fast as people type
FILED_FROM_HERE = Limit("filed-from", 60, HOUR)     # a town hall helps people, a telephone network is one address
FILED = Limit("filed", 5, HOUR), Limit("filed-day", 10, DAY)
EXPORTS = Limit("exports", 10, HOUR)


def install(app):
    app.before_request(enforce)


def address():
    """Who asks, as limits count them: an IPv4 address or an IPv6 /64; None for a network that many people share."""
    try:
        found = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    found = getattr(found, "ipv4_mapped", None) or found
    if any(found in network for network in settings.networks(settings.active().shared_networks)):
        return None
    return str(found if found.version == 4 else ipaddress.ip_network((found, 64), strict=False))


def actor():
    """Who asks, by their account; None for somebody unknown."""
    return f"{current_user.actor.role} {current_user.actor.id}" if current_user.is_authenticated else None


def limited(*limits, methods=("POST",), by=address, when=lambda: True):
    """Decorator of a view: `limits` hold for these methods, counted by address or `by=actor`, `when` this is so of the
    request."""
    def mark(view):
        view.limits = (*getattr(view, "limits", ()), (limits, methods, by, when))
        return view
    return mark


def enforce():
    """Before each request but for files and /sante. Raises TooOften."""
    if request.endpoint in UNCOUNTED:
        return
    asked = [(limit, subject) for limits, by in _holding() if (subject := by()) for limit in limits]
    if asked:
        spend(*asked)


def _holding():
    """The limits of this request, each with what it is counted by."""
    yield (Limit("requests", settings.active().requests_per_minute, 60),), address
    for limits, methods, by, when in getattr(current_app.view_functions.get(request.endpoint), "limits", ()):
        if request.method in methods and when():
            yield limits, by
