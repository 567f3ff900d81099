"""The demonstration's mailbox: reads what the worker dropped into a Maildir, and shows each mail with sample facts."""
import email
import email.policy
import mailbox
from io import BytesIO

from flask import Flask, Response, abort, render_template, send_file

from portal import carriers, documents, mail, outbox
from portal.catalogue import instant
from portal.typography import Spaces

SHOWN = 100  # newest mails on the list
PAGES = ("default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; base-uri 'none'; form-action 'none'; "
         "frame-ancestors 'none'")
# A mail brings its own style and nothing else; the sandbox takes its origin away. Its link leads out of the frame.
MAILS = ("sandbox allow-top-navigation-by-user-activation; default-src 'none'; style-src 'unsafe-inline'; "
         "base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
MODELS = {**mail.SAMPLES, **mail.LINKS}


def create_mailbox(folder):
    """The Flask application that reads the Maildir `folder`. Read-only; may be mounted under any path."""
    app = Flask("demo.mailbox")
    app.jinja_env.filters.update(instant=instant)
    app.jinja_env.add_extension(Spaces)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    def opened():
        """The folder as it is now: one of its objects must not serve two threads."""
        return mailbox.Maildir(folder or carriers.FOLDER, factory=_parsed)

    @app.get("/")
    def received():
        return render_template("mailbox/list.html", mails=_newest(opened()), most=SHOWN)

    @app.get("/<key>")
    def message(key):
        found = _found(opened(), key)
        return render_template("mailbox/message.html", key=key, headers=found, text=_part(found, "plain"),
                               attached=_attached(found))

    @app.get("/<key>/html")
    def message_html(key):
        return _framed(_part(_found(opened(), key), "html"))

    @app.get("/<key>/pieces/<int:number>")
    def piece(key, number):
        found = dict(enumerate(_attached(_found(opened(), key))))
        return _saved(found.get(number) or abort(404))

    @app.get("/modeles")
    def models():
        rendered = {name: outbox.render(name, facts) for name, facts in MODELS.items()}
        attached = {name: documents.attached(name, facts) for name, facts in MODELS.items()}
        return render_template("mailbox/samples.html", rendered=rendered, attached=attached)

    @app.get("/modeles/<name>")
    def model(name):
        return _framed(outbox.render(name, _facts(name)).html)

    @app.get("/modeles/<name>/pieces/<int:number>")
    def model_piece(name, number):
        found = dict(enumerate(documents.attached(name, _facts(name))))
        return _saved(found.get(number) or abort(404))

    app.after_request(_protected)
    return app


def _facts(name):
    return MODELS[name] if name in MODELS else abort(404)


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


def _attached(message):
    return [documents.Document(part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
            for part in message.iter_attachments()]


def _framed(page):
    """A mail's HTML, alone or in a frame that its link leaves."""
    page = page.replace("<head>", '<head>\n<base target="_top">', 1)
    return Response(page, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": MAILS})


def _saved(document):
    return send_file(BytesIO(document.content), document.media_type, as_attachment=True,
                     download_name=document.filename)


def _protected(answer):
    answer.headers.setdefault("Content-Security-Policy", PAGES)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cache-Control"] = "no-store"
    return answer
