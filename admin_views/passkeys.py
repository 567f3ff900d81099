"""An agent's own passkeys: they are listed in the profile, and added, renamed or removed here."""
from flask import Response, flash, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import StringField

from admin_views.base import RoleView
from portal import access, passkeys, sessions, step_up
from portal.errors import Refused


class NameForm(FlaskForm):
    """A word for it. None will do as well, and no word is refused: it is its owner's alone."""

    name = StringField(lazy_gettext("cle.nom"))

    @property
    def word(self):
        return passkeys.named(self.name.data) or gettext("cle.sans_nom")


class Cles(RoleView):
    roles = access.AGENTS
    own_account = True

    def is_visible(self):
        return False        # the profile leads here

    @expose("/")
    def index(self):
        return redirect(url_for("profil.index"), 303)

    @expose("/ajouter", methods=("GET", "POST"))
    @step_up.wanted
    def ajouter(self):
        passkeys.check_room(self.actor)     # before the device makes one
        form = NameForm(name=current_user.session.device)
        if form.validate_on_submit() and self._add(form):
            flash(gettext("cle.ajoutee"), "success")
            return redirect(url_for("profil.index"), 303)
        return self.render("admin/passkeys/add.html", form=form), 422 if form.errors else 200

    @expose("/defi")
    def defi(self):
        """The challenge of a passkey to be, asked for by the script of the page."""
        kept, options = passkeys.begin_registration(self.actor)
        sessions.keep_challenge(kept)
        return Response(options, mimetype="application/json")

    @expose("/<int:number>/renommer", methods=("GET", "POST"))
    @step_up.wanted
    def renommer(self, number):
        key = passkeys.one_of(self.actor, number)
        form = NameForm(name=key.name)
        if not form.validate_on_submit():
            return self.render("admin/passkeys/rename.html", form=form), 422 if form.errors else 200
        passkeys.rename(key, form.word)
        flash(gettext("cle.renommee"), "success")
        return redirect(url_for("profil.index"), 303)

    @expose("/<int:number>/retirer", methods=("GET", "POST"))
    @step_up.wanted
    def retirer(self, number):
        key = passkeys.one_of(self.actor, number)
        if request.method == "GET":
            return self.render("admin/passkeys/remove.html", key=key)
        passkeys.remove(self.actor, key)
        flash(gettext("cle.retiree"), "success")
        return redirect(url_for("profil.index"), 303)

    def _add(self, form):
        try:
            return passkeys.finish_registration(self.actor, sessions.challenge(), request.form.get("cle", ""),
                                                form.word)
        except Refused as error:
            form.form_errors.append(error.sentence)


def views():
    return [Cles(endpoint="cles", url="profil/cles-d-acces")]
