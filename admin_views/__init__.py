"""The back office: Flask-Admin over the models, one file per audience.

A view is one class in one of the MODULES, listed by its `views()`. Its `roles` say who may open it: without any, the
application does not start (`portal.access.guard`).
"""
from importlib import import_module

from flask_admin import Admin
from flask_admin.theme import Theme

from admin_views.start import Start, entries

MODULES = (     # in the order of the menu
    "officer", "commune", "papier", "courriers", "registre", "rolls", "scrutins", "ministry", "silences", "accounts",
    "imports", "style", "profile", "passkeys")
OUR_OWN = Theme(folder="none", base_template="admin/base.html")  # Flask-Admin's own templates cannot be reached


def install(app):
    """Register the views and declare who may open each of their routes."""
    admin = Admin(app, url="/admin", index_view=Start(endpoint="admin", url="/admin"), theme=OUR_OWN)
    for name in MODULES:
        admin.add_views(*import_module(f"admin_views.{name}").views())
    for view in admin._views:
        view.declare_access(app)
    app.jinja_env.globals["menu_entries"] = lambda: entries(admin)
