"""Files of `static/`: sent compressed, and kept by browsers for a year under an address with their fingerprint."""
import gzip
import hashlib
from functools import cache
from pathlib import Path

from flask import request

YEAR = 365 * 24 * 3600          # seconds
SERVED = ("static", "theme")    # endpoints
COMPRESSED = ("text/css", "text/javascript", "image/svg+xml")   # pages are not: they hold secrets (BREACH)


def install(app):
    versions = fingerprints(app.static_folder)
    app.jinja_env.globals["versioned"] = lambda path: _address(path, versions)
    app.get_send_file_max_age = lambda name: _life(versions.get(name))
    app.after_request(compress)

    @app.url_defaults
    def say_version(endpoint, values):
        if endpoint == "static" and values.get("filename") in versions:
            values["v"] = versions[values["filename"]]


@cache
def fingerprints(folder):
    """{name: 12 hexadecimal digits}, as the files are when the first application is assembled."""
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in files}


def _address(path, versions):
    """For pages that are shown without a route: `static/…` with its version, another path as it is."""
    version = versions.get(path.removeprefix("static/")) if path.startswith("static/") else None
    return f"{path}?v={version}" if version else path


def _life(version):
    """Seconds; None: the browser asks each time, and is told that nothing changed."""
    return YEAR if version and request.args.get("v") == version else None


def compress(response):
    if request.endpoint in SERVED and response.status_code == 200 and response.mimetype in COMPRESSED:
        response.vary.add("Accept-Encoding")
        if request.accept_encodings["gzip"]:
            response.direct_passthrough = False
            response.set_data(_packed(response.get_data()))
            response.content_encoding = "gzip"
            response.set_etag(response.get_etag()[0], weak=True)   # the same content, in other bytes
    return response


@cache
def _packed(content):
    return gzip.compress(content, mtime=0)
