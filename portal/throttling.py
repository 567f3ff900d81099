"""What one address may ask of the portal: each request, and more strictly what a view's `@limited` says."""
import ipaddress
from functools import cache

from flask import current_app, request

from portal import settings
from portal.limits import Limit, spend

UNCOUNTED = ("static", "theme", "pages.sante")      # endpoints


def install(app):
    app.before_request(enforce)


def limited(limit, methods=("POST",)):
    """Decorator of a view: `limit` holds by address, for these methods."""
    def mark(view):
        view.limits = (*getattr(view, "limits", ()), (limit, methods))
        return view
    return mark


def enforce():
    """Before each request but for files and /sante: what its address may still ask."""
    who = address()
    if request.endpoint in UNCOUNTED or who is None:
        return
    declared = getattr(current_app.view_functions.get(request.endpoint), "limits", ())
    spend((Limit("requests", settings.active().requests_per_minute, 60), who),
          *((limit, who) for limit, methods in declared if request.method in methods))


def address():
    """Who asks, as limits count them: an IPv4 address or an IPv6 /64; None for a network that many people share."""
    try:
        found = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if any(found in network for network in _shared(settings.active().shared_networks)):
        return None
    return str(found if found.version == 4 else ipaddress.ip_network((found, 64), strict=False))


@cache
def _shared(networks):
    return [ipaddress.ip_network(network.strip()) for network in networks.split(",") if network.strip()]
