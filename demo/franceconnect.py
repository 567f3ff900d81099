"""A stand-in for FranceConnect v2, low level, on a port of its own: as strict, and without its brand.

    python -m demo.franceconnect --port 5001 --base-url http://localhost:5001 \\
        --redirect-uri http://localhost:5000/franceconnect/retour \\
        --post-logout-redirect-uri http://localhost:5000/

The client's id and secret are read from MAPROCURATION_FRANCECONNECT_CLIENT_ID and …_CLIENT_SECRET.
"""
import argparse
import os
import socket
import sys
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

import waitress
from flask import Flask
from waitress import wasyncore

from demo import endpoints
from demo.provider import Provider

CLIENT = "MAPROCURATION_FRANCECONNECT_CLIENT_"
# Chromium holds form-action against every redirect of a post, so the client's own origins have to be named.
CONTENT_SECURITY_POLICY = ("default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
                           "frame-ancestors 'none'; form-action 'self' ")


def create_provider(base_url, client_id, client_secret, redirect_uris, post_logout_redirect_uris, *,
                    kind=Provider, faults=False, **options):
    """The Flask application; faults=True opens POST /__faults.

    kind: whom it plays, FranceConnect unless it is that of demo.plus or demo.proconnect; options: code_life,
    token_life and session_life in seconds, key_file (see Provider).
    """
    app = Flask("demo.franceconnect")
    app.extensions["franceconnect"] = provider = kind(
        base_url, client_id, client_secret, redirect_uris, post_logout_redirect_uris, **options)
    app.register_blueprint(endpoints.bp)
    if faults:
        app.register_blueprint(endpoints.faults)
    app.after_request(lambda answer: _protect(answer, provider))
    return app


@contextmanager
def running_provider(client_id="portail", client_secret="secret-du-portail", redirect_uris=(),
                     post_logout_redirect_uris=(), **options):
    """For tests: a provider on a free port of the loopback; yields (base_url, its Provider)."""
    listening = socket.create_server(("127.0.0.1", 0))
    base_url = "http://127.0.0.1:{}".format(listening.getsockname()[1])
    app = create_provider(base_url, client_id, client_secret, redirect_uris, post_logout_redirect_uris,
                          **options)
    provider = app.extensions["franceconnect"]
    connections = {}
    server = waitress.create_server(app, map=connections, sockets=[listening], threads=8, ident=None)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield base_url, provider
    finally:
        provider.fault = None
        # In the server's own thread, where closing its connections ends its loop.
        server.trigger.pull_trigger(lambda: wasyncore.close_all(connections, ignore_all=True))
        thread.join(5)
        server.task_dispatcher.shutdown()


def _protect(answer, provider):
    origins = sorted({"{0.scheme}://{0.netloc}".format(urlsplit(uri)) for uri in provider.redirect_uris})
    answer.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY + " ".join(origins)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer


def main(arguments=None):
    options = _options(arguments)
    app = create_provider(
        options.base_url or f"http://localhost:{options.port}", _setting("ID"), _setting("SECRET"),
        options.redirect_uri, options.post_logout_redirect_uri,
        faults=options.faults, key_file=options.key_file)
    waitress.serve(app, host=options.host, port=options.port, threads=8, ident=None)


def _setting(name):
    return os.environ.get(CLIENT + name) or sys.exit(f"{CLIENT}{name} is not set: it is the portal's own too.")


def _options(arguments):
    parser = argparse.ArgumentParser("python -m demo.franceconnect", description=__doc__.partition("\n")[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--base-url", help="as others see it (default: http://localhost:PORT)")
    parser.add_argument("--redirect-uri", action="append", required=True)
    parser.add_argument("--post-logout-redirect-uri", action="append", default=[])
    parser.add_argument("--key-file", help="keeps the signing key over restarts")
    parser.add_argument("--faults", action="store_true", help="open POST /__faults")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
