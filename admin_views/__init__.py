"""The back office: Flask-Admin over the models, one file per audience.

A view is one class in one of the MODULES, listed by its `views()`. Its `roles` say who may open it: without any, the
application does not start (`portal.access.guard`).
"""
from importlib import import_module

from flask import abort, redirect, url_for
from flask_admin import Admin, expose
from flask_admin.theme import Theme
from flask_login import current_user

from admin_views.base import RoleView
from portal import access

MODULES = ("officer", "commune", "ministry", "style", "profile")    # in the order of the menu
OUR_OWN = Theme(folder="none", base_template="admin/base.html")  # Flask-Admin's own templates cannot be reached


class Start(RoleView):
    """`/admin/` sends everybody to their first screen."""

    roles = access.AGENTS

    @expose("/")
    def index(self):
        first = next(iter(entries(self.admin)), None) or abort(404)
        return redirect(url_for(f"{first.endpoint}.{first._default_view}"), 303)

    def is_visible(self):
        return False


def install(app):
    """Register the views and declare who may open each of their routes."""
    admin = Admin(app, url="/admin", index_view=Start(endpoint="admin", url="/admin"), theme=OUR_OWN)
    for name in MODULES:
        admin.add_views(*import_module(f"admin_views.{name}").views())
    for view in admin._views:
        view.declare_access(app)
    app.jinja_env.globals["menu_entries"] = lambda: entries(admin)


def entries(admin):
    """The views the current user may open, in the order of the menu."""
    if not current_user.is_authenticated:
        return []
    return [view for view in admin._views if view.is_accessible() and view.is_visible()]
