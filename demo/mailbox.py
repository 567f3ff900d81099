"""The demonstration's mailbox: reads what the worker dropped into a Maildir, and shows each mail with sample facts."""
import email
import email.policy
import mailbox

from flask import Flask, Response, abort, render_template

from portal import carriers, mail, outbox

SHOWN = 100  # newest mails on the list
PAGES = ("default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
         "frame-ancestors 'none'")
# A mail brings its own style and nothing else; the sandbox takes its origin away.
MAILS = "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def create_mailbox(folder):
    """The Flask application that reads the Maildir `folder`. Read-only; may be mounted under any path."""
    app = Flask("demo.mailbox")

    def opened():
        """The folder as it is now: one of its objects must not serve two threads."""
        return mailbox.Maildir(folder or carriers.FOLDER, factory=_parsed)

    @app.get("/")
    def received():
        return render_template("mailbox/list.html", mails=_newest(opened()))

    @app.get("/<key>")
    def message(key):
        found = _found(opened(), key)
        return render_template("mailbox/message.html", key=key, headers=found, text=_part(found, "plain"))

    @app.get("/<key>/html")
    def message_html(key):
        return _sandboxed(_part(_found(opened(), key), "html"))

    @app.get("/modeles")
    def models():
        rendered = {name: outbox.render(name, context) for name, context in mail.SAMPLES.items()}
        return render_template("mailbox/samples.html", rendered=rendered)

    @app.get("/modeles/<name>")
    def model(name):
        return _sandboxed(outbox.render(name, mail.SAMPLES.get(name) or abort(404)).html)

    app.after_request(_protected)
    return app


def _parsed(file):
    return email.message_from_binary_file(file, policy=email.policy.default)


def _newest(box):
    return [(key, box[key]) for key in sorted(box.iterkeys(), key=_arrival, reverse=True)[:SHOWN]]


def _arrival(key):
    """Seconds, microseconds and count, as the standard library writes them in the name of a file."""
    seconds, rest = key.split(".")[:2]
    microseconds, _, count = rest.removeprefix("M").partition("P")
    return int(seconds), int(microseconds), int(count.partition("Q")[2])


def _found(box, key):
    return box.get(key) or abort(404)


def _part(message, subtype):
    body = message.get_body((subtype,))
    return body.get_content() if body else ""


def _sandboxed(page):
    return Response(page, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": MAILS})


def _protected(answer):
    answer.headers.setdefault("Content-Security-Policy", PAGES)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cache-Control"] = "no-store"
    return answer
