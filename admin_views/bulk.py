"""Several rows: chosen in the grid, confirmed on a page of their own, done one by one, reported one by one.

Part of the base of the grids, see `admin_views/base.py`.
"""
from flask import abort, request
from flask_admin import expose
from flask_admin.actions import action

from admin_views.writing import Changed, fingerprint
from portal.database import transaction
from portal.errors import Refused

MOST_AT_ONCE = 200          # rows


def bulk(*roles):
    """Make a method an action on chosen rows, for `roles`. It takes one row, scoped and locked, or raises Refused."""
    def mark(method):
        method.roles = frozenset(roles)
        return action(method.__name__, f"bulk.{method.__name__}")(method)
    return mark


class Bulk:
    """The actions are methods marked with `bulk`."""

    action_template = "admin/model/action.html"
    action_delete = None    # Flask-Admin's deletes without asking whose rows they are

    def actions_offered(self):
        return self.get_actions_list()[0]

    @expose("/action/", methods=("POST",))
    def action_view(self):
        handler, label, _ = self._actions_data.get(request.form.get("action")) or abort(404)
        if not self.is_action_allowed(handler.__name__):
            abort(404)
        ids = set(request.form.getlist("rowid"))
        if len(ids) > MOST_AT_ONCE:
            abort(413)
        seen = dict(zip(request.form.getlist("rowid"), request.form.getlist("seen")))
        done = "confirmer" in request.form
        with transaction():
            rows = self.locked(ids)
            self.load(rows)
            outcomes = {row._pk: self._try(handler, row, seen) for row in rows} if done else {}
        self.trace_reading(rows)
        rows.sort(key=lambda row: outcomes.get(row._pk) is None)        # what was refused is read first
        return self.render(self.action_template, rows=rows, done=done, action=handler.__name__, label=label,
                           refused={key: refusal for key, refusal in outcomes.items() if refusal},
                           fingerprint=fingerprint, list_columns=self._list_columns, get_value=self.get_list_value)

    def _try(self, handler, row, seen):
        """None when it is done, else the refusal."""
        try:
            with transaction():
                if seen.get(str(row._pk)) != fingerprint(row):
                    raise self.changed(row)
                handler(row)
        except Refused as refusal:
            return refusal

    def changed(self, row):
        return Changed()
