"""What a voter opens, and the agents' log-in: one blueprint, one module per page."""
from importlib import import_module

from flask import Blueprint

pages = Blueprint("pages", __name__)
MODULES = ("home", "franceconnect", "certifiee", "deconnexion", "proconnect", "demande", "mes_procurations",
           "documents", "connexion", "double_authentification", "passkeys", "preuve", "sante", "adresse", "mairie",
           "resiliation", "mandataire", "mes_donnees", "retrouver", "session")


def install(app, settings):
    for name in MODULES:
        module = import_module(f"portal.pages.{name}")
        getattr(module, "install", lambda app, settings: None)(app, settings)
    app.register_blueprint(pages)
