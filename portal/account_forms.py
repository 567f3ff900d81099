"""Fields by which agents prove who they are, at the log-in and in their profile."""
from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField, ValidationError
from wtforms.validators import EqualTo, InputRequired

LONGEST_CODE = 60       # characters: six digits, or sixteen signs with whatever stands between them


def short(form, field):
    if len(field.data) > LONGEST_CODE:
        raise ValidationError(gettext("code.trop_long"))


def code_field(label, missing):
    return StringField(lazy_gettext(label), [InputRequired(lazy_gettext(missing)), short])


class CodeForm(FlaskForm):
    """The six digits an application shows."""

    code = code_field("code.application", "code.manque")


class RecoveryForm(FlaskForm):
    code = code_field("code.secours", "code.secours_manque")


def new_password():
    return PasswordField(lazy_gettext("invitation.mot_de_passe"),
                         [InputRequired(lazy_gettext("connexion.mot_de_passe_manque"))])


def same_again():
    return PasswordField(lazy_gettext("invitation.encore"),
                         [InputRequired(lazy_gettext("invitation.differents")),
                          EqualTo("password", lazy_gettext("invitation.differents"))])


class NewPasswordForm(FlaskForm):
    password = new_password()
    again = same_again()


class PasswordForm(FlaskForm):
    """A new one in the place of the current one."""

    current = PasswordField(lazy_gettext("profil.mot_de_passe_actuel"),
                            [InputRequired(lazy_gettext("profil.mot_de_passe_actuel_manque"))])
    password = new_password()
    again = same_again()
