"""What every view of the back office is made of: who may open it and which rows it may touch."""
from flask import abort
from flask_admin import BaseView
from flask_admin.contrib.peewee import ModelView
from flask_login import current_user

from portal import access


class Guarded:
    """A view with `roles`. Each of its routes is declared to `portal.access`, which refuses all others."""

    roles = frozenset()

    @property
    def actor(self):
        return current_user.actor

    def roles_for(self, method):
        """Who may call one method of the view."""
        return frozenset(self.roles)

    def declare_access(self, app):
        for _, method, _ in self._urls:
            if roles := self.roles_for(method):
                access.declare(app, f"{self.endpoint}.{method}", roles)

    def is_accessible(self):
        return current_user.is_authenticated and self.actor.role in self.roles

    def inaccessible_callback(self, name, **kwargs):
        abort(404)

    def _run_view(self, fn, *args, **kwargs):
        return fn(self, *args, **kwargs)  # Flask-Admin retries any TypeError, which hides where it came from


class RoleView(Guarded, BaseView):
    """A screen that is not a grid over a model. Give it `roles`; its menu entry is `_("menu.<endpoint>")`."""


class ScopedView(Guarded, ModelView):
    """A grid over a model."""
