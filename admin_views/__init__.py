"""The back office: Flask-Admin over the models, one file per audience."""


def install(app):
    """Register the views and declare their access rules."""
