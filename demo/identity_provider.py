"""An identity provider behind the stand-in FranceConnect, on an origin of its own as the real ones are: for tests."""
from urllib.parse import urlencode

from flask import Flask, redirect, render_template, request

from demo.identities import PEOPLE

# Its form goes on to FranceConnect and from there to the service: browsers hold form-action against each redirect.
POLICY = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self' "


def create_identity_provider(franceconnect, services=()):
    """The application. `franceconnect` is the address of the one it serves, `services` are those of its clients."""
    app = Flask("demo.franceconnect")

    @app.get("/identite")
    def identite():
        return render_template("franceconnect/identity_provider.html", identities=PEOPLE)

    @app.post("/identite")
    def identifie():
        answer = {"csrf": request.args["csrf"], "login": request.form["login"]}
        return redirect(f"{franceconnect}/api/v2/interaction/{request.args['uid']}/identite?{urlencode(answer)}", 303)

    @app.get("/fin")
    def fin():
        return redirect(f"{franceconnect}/api/v2/session/ended?{urlencode(request.args)}", 303)

    @app.after_request
    def protect(answer):
        answer.headers["Content-Security-Policy"] = POLICY + " ".join([franceconnect, *services])
        return answer
    return app
