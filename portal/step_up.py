"""Who is in proves anew that it is them, before what matters most (ASVS 7.5.3). Within ten minutes nothing is asked.

`@wanted` stands on a view, `demand()` inside one where it depends. A page that was asked for is shown after the proof;
what was posted is carried by the page of the proof and goes on with it, to the same address. It needs no script.
"""
import re
from datetime import timedelta
from functools import wraps
from typing import Callable, NamedTuple

from flask import abort, make_response, render_template, request, url_for
from flask_babel import lazy_gettext
from flask_login import current_user
from wtforms import Form, HiddenField, PasswordField
from wtforms.validators import InputRequired

from models import now
from portal import accounts, passkeys, proconnect, second_factor, sessions, settings, walls
from portal.account_forms import code_field
from portal.errors import Refused

FRESH = timedelta(minutes=10)
SENT = "preuve"                                 # all fields of a proof begin so: none is a field of what is carried
NEVER_CARRIED = {"password", "again", "current"}    # secrets are typed again, and files chosen again


class Way(NamedTuple):
    """A way to prove it. `offered(agent)`: has the agent this? `form`: its fields, names in SENT. `check(agent, form)`
    raises Refused. `template` shows it: its button is named `preuve` and has the way's name as its value."""

    name: str
    template: str
    offered: Callable
    form: type
    check: Callable


class CodeProof(Form):
    preuve_code = code_field("preuve.code", "code.manque")


class PasswordProof(Form):
    preuve_mot_de_passe = PasswordField(lazy_gettext("connexion.mot_de_passe"),
                                        [InputRequired(lazy_gettext("connexion.mot_de_passe_manque"))])


class PasskeyProof(Form):
    preuve_cle = HiddenField()


def _has_password_only(agent):
    return agent.password_hash and not second_factor.is_on(agent) and not settings.active().production


def _check_password(agent, form):
    with second_factor.counted(agent):
        accounts.check_password(agent, form.preuve_mot_de_passe.data)


CODE = Way("code", "admin/step_up/code.html", second_factor.is_on, CodeProof,
           lambda agent, form: second_factor.confirm(agent, form.preuve_code.data))
PASSWORD = Way("password", "admin/step_up/password.html", _has_password_only, PasswordProof, _check_password)
PASSKEY = Way("passkey", "admin/step_up/passkey.html", passkeys.has, PasskeyProof,
              lambda agent, form: passkeys.finish_proof(agent, sessions.challenge(), form.preuve_cle.data))
PROCONNECT = Way("proconnect", "admin/step_up/proconnect.html", proconnect.is_linked, Form, proconnect.refuse_post)
WAYS = [CODE, PASSWORD, PASSKEY, PROCONNECT]    # in the order they are shown


def ways_of(agent):
    """A password alone proves nothing where there is a second factor; the demonstration has agents without one."""
    return [way for way in WAYS if way.offered(agent)]


def wanted(view=None, *, form=None):
    """Decorator of a view. `form`: endpoint of the page to begin again from, where a file was sent to the view and the
    view shows no page itself."""
    if view is None:
        return lambda view: wanted(view, form=form)

    @wraps(view)
    def answer(*args, **kwargs):
        demand(form)
        return view(*args, **kwargs)
    answer.step_up = True
    return answer


@walls.whole_country()
def demand(form=None):
    """Go on if the last proof is fresh, or the request brings one; else answer with the page that asks for it."""
    forms = {way: way.form() for way in ways_of(current_user.actor)}
    if is_fresh() or request.method == "POST" and _proves(forms):
        return
    abort(_page(forms, form))


def is_fresh():
    proved_at = current_user.session.proved_at
    return proved_at is not None and now() - proved_at < FRESH


def _proves(forms):
    """Does the post bring a right proof? What is wrong with it is among the errors of its form."""
    way = next((way for way in forms if way.name == request.form.get(SENT)), None)
    if way is None:
        return False
    forms[way] = form = way.form(request.form)
    return form.validate() and _is_right(way, form)


def _is_right(way, form):
    try:
        way.check(current_user.actor, form)
    except Refused as refusal:
        typed = [field for field in form if field.widget.input_type != "hidden"]
        (typed[0].errors if typed else form.form_errors).append(refusal.sentence)
        return False
    sessions.prove(current_user.session)
    return True


def _page(forms, form):
    wrong = next((form for form in forms.values() if form.errors), None)
    page = render_template("admin/step_up/step_up.html", forms=forms, wrong=wrong, next=way_back(form),
                           carried=carried(), again=request.method == "POST" and not _is_carried())
    return make_response(page, 422 if wrong else 200)


def carried():
    """What the request posted, in pairs; none of it is a proof."""
    return [(name, value) for name, value in request.form.items(multi=True)
            if _is_carried() and name != "csrf_token" and not name.startswith(SENT)]


def _is_carried():
    return request.method == "POST" and not request.files and not NEVER_CARRIED & request.form.keys()


def way_back(form=None):
    """The page to show after the proof; None where the same post goes on."""
    if f"{SENT}_suite" in request.form:
        return own_page(request.form[f"{SENT}_suite"])
    if _is_carried():
        return None
    return own_page(url_for(form).removeprefix(request.script_root) if form and request.method == "POST"
                    else request.full_path)


def own_page(path):
    """`path` where it is one of ours, the start of the back office where it could lead elsewhere."""
    return path if re.fullmatch(r"/(?!/)[\w./?=&%+~-]*", path, re.ASCII) else "/admin/"
