"""The search of a grid: posted and kept with the session, so that no name stands in an address.

Part of the base of the grids, see `admin_views/base.py`.
"""
import secrets

from flask import abort, redirect, request
from flask_admin import expose
from flask_login import current_user

from models import SavedSearch
from portal.names import tidy

LONGEST_SEARCH = 200        # characters


class Searching:
    """Give `searchable = True` and say in `matching` which rows answer the words."""

    searchable = False

    def matching(self, query, words):
        raise NotImplementedError(f"{type(self).__name__} is searchable: say how")

    @expose("/search/", methods=("POST",))
    def search_view(self):
        typed = "".join(letter if letter.isprintable() else " " for letter in request.form.get("words", ""))
        typed = tidy(typed[:LONGEST_SEARCH])
        search = typed and SavedSearch.create(id=secrets.token_urlsafe(16), session=current_user.session, words=typed)
        return redirect(self.get_url(".index_view", **self.kept(recherche=search.id if search else None)), 303)

    def search(self):
        """The saved search that the address names; 404 for one of another session."""
        name = self.searchable and request.args.get("recherche")
        if not name:
            return None
        if "saved_search" not in self._template_args:
            own = SavedSearch.session == current_user.session.token_hash
            saved = SavedSearch.get_or_none(SavedSearch.id == name[:22], own)
            self._template_args["saved_search"] = saved or abort(404)
        return self._template_args["saved_search"]
