"""What every view of the back office is made of: who may open it, which rows it may touch, what it leaves behind.

A grid is one class (see `admin_views/scrutins.py`); each override of Flask-Admin is listed with its reason in
`docs/back-office.md`. Everything is closed until a view opens it.
"""
import datetime
import re

from flask import abort, get_template_attribute, request
from flask_admin import BaseView, expose
from flask_admin.contrib.peewee import ModelView
from flask_babel import gettext
from flask_login import current_user
from peewee import IntegerField

from admin_views import export, paging
from admin_views.bulk import Bulk
from admin_views.paging import MOST_COUNTED
from admin_views.policy import visible
from admin_views.searching import Searching
from admin_views.writing import Writing
from portal import access, catalogue, journal, walls
from portal.database import on_postgresql
from portal.throttling import EXPORTS, actor, limited

MOST_EXPORTED = 20_000      # rows of a file
POSITION = ("after", "before", "page")      # where a page of the grid stands, in its address
RIGHTS = {"create_view": "create", "edit_view": "edit", "delete_view": "delete", "export": "export"}
UNUSED = ("ajax_lookup", "ajax_update")     # doors that bypass forms: no view has them


def words(name):
    """A list of `templates/macros/words.html`: what people read for each value of a column."""
    return get_template_attribute("macros/words.html", name)


def choices_of(roles):
    """What a field or a filter offers of `roles`, in words; read when a page is shown."""
    return lambda: [(role, words("ROLES")[role]) for role in roles]


class Guarded:
    """A view with `roles`. Each of its routes is declared to `portal.access`, which refuses all others."""

    roles = frozenset()
    opening = {}            # arguments of the address in the menu
    own_account = False     # reads secrets of the agent's account, and no file: it needs no second wall, and has none

    @property
    def actor(self):
        return current_user.actor

    def roles_for(self, method):
        """Who may call one method: those of `@access` above it, else all of the view."""
        return frozenset(getattr(getattr(self, method), "access", self.roles))

    def declare_access(self, app):
        for _, method, _ in self._urls:
            if roles := self.roles_for(method):
                access.declare(app, f"{self.endpoint}.{method}", roles)

    def is_accessible(self):
        return current_user.is_authenticated and self.actor.role in self.roles

    def inaccessible_callback(self, name, **kwargs):
        abort(404)

    def _run_view(self, fn, *args, **kwargs):
        """Flask-Admin's retries any TypeError, which hides where it came from."""
        with walls.around(None if self.own_account else walls.of(self.actor)):
            return fn(self, *args, **kwargs)


class RoleView(Guarded, BaseView):
    """A screen that is not a grid over a model. Give it `roles`; its menu entry is `menu.<endpoint>`."""


class ScopedView(Guarded, Writing, Bulk, Searching, ModelView):
    """A grid over a model: its rows are those of `policy.visible`, whatever the way in.

    `rights` gives the roles of "create", "edit", "delete" and "export". `keyset` orders the rows: fields, the last one
    unique. `related` are foreign keys shown in the grid.
    """

    column_list = form_columns = None       # both must be declared; no form_columns, no form
    rights = {}
    table = None                            # its name in the catalogue: its model's, unless it shows some rows only
    keyset = ()
    newest_first = False
    related = ()
    counted = True                          # False where counting a thousand rows would cost too much
    reading_is_traced = False               # rows that name people
    hints = ()                              # fields of the form that have a sentence `hint.<table>.<field>`
    page_size = 50
    column_sortable_list = ()               # a sort by any column cannot be paged by position
    can_view_details = simple_list_pager = True
    column_type_formatters = {
        type(None): lambda view, value, name: "",
        bool: lambda view, value, name: gettext("yes" if value else "no"),
        datetime.datetime: lambda view, value, name: catalogue.instant(value),
        datetime.date: lambda view, value, name: catalogue.day(value),
    }
    column_type_formatters_detail = column_type_formatters
    column_type_formatters_export = {       # spreadsheets sort these
        type(None): lambda view, value, name: "",
        datetime.datetime: lambda view, value, name: f"{value.astimezone(catalogue.PARIS):%Y-%m-%d %H:%M}",
    }

    can_create = property(lambda self: self.may("create"))
    can_edit = property(lambda self: self.may("edit"))
    can_delete = property(lambda self: self.may("delete"))
    can_export = property(lambda self: self.may("export"))

    def __init__(self, model, endpoint):
        self._check_declaration(model)
        self.table = self.table or model._meta.table_name
        self.keyset = self.keyset or (model._meta.primary_key,)
        self.column_details_list = self.column_details_list or self.column_list
        super().__init__(model, name=f"menu.{endpoint}", endpoint=endpoint, url=endpoint)

    def _check_declaration(self, model):
        if self.column_list is None or self.form_columns is None:
            raise TypeError(f"{type(self).__name__}: say column_list and form_columns")
        if model._meta.composite_key or model._meta.primary_key.name in self.form_columns:
            raise TypeError(f"{type(self).__name__}: a primary key is not for a form")
        if self.column_editable_list or self.inline_models or self.form_ajax_refs:
            raise TypeError(f"{type(self).__name__}: lists are not edited, forms have one row and no script")

    # --- Who ---

    def may(self, right):
        return self.actor.role in self.rights.get(right, ())

    def roles_for(self, method):
        if method in RIGHTS:
            return frozenset(self.rights.get(RIGHTS[method], ()))
        if method == "action_view":
            return frozenset().union(*(handler.roles for handler, _, _ in self._actions_data.values()))
        if method in UNUSED or method == "search_view" and not self.searchable:
            return frozenset()
        return super().roles_for(method)

    def create_blueprint(self, admin):
        """What nobody may do has no route."""
        if self.roles:
            self._urls = [url for url in self._urls if self.roles_for(url[1])]
        return super().create_blueprint(admin)

    def is_action_allowed(self, name):
        return self.actor.role in self._actions_data[name][0].roles

    # --- Which rows ---

    def get_query(self):
        return visible(self.model, self.actor)

    def clean_pk(self, text):
        """`text` (or a list of one) as a primary key, None where no row can have it."""
        text = text if isinstance(text, str) else text[0] if len(text) == 1 else ""
        if not isinstance(self.model._meta.primary_key, IntegerField):
            return text if text.isprintable() and 0 < len(text) < 100 else None
        return int(text) if re.fullmatch("[0-9]{1,18}", text) else None

    def get_one(self, id):
        """The row; 404 for one that does not exist or that the agent may not see."""
        rows = self.get_query().where(self.model._meta.primary_key == self.clean_pk(id))
        return rows.get_or_none() or abort(404)

    def locked(self, ids):
        """Inside a transaction: the rows of `ids` the agent may see, nobody else's to change meanwhile."""
        key = self.model._meta.primary_key
        keys = {self.clean_pk(id) for id in ids} - {None}
        rows = self.get_query().where(key.in_(keys)).order_by(key)
        return list(rows.for_update() if on_postgresql() else rows)

    def load(self, rows):
        """Give `rows` what the grid shows beside their own columns. A fixed number of statements."""
        for key in self.related:
            wanted = {row.__data__[key.name] for row in rows}
            known = {row._pk: row for row in key.rel_model.select().where(key.rel_field.in_(wanted))}
            for row in rows:
                row.__rel__[key.name] = known.get(row.__data__[key.name])

    def trace_reading(self, rows):
        if self.reading_is_traced and rows:
            journal.record(self.actor, "consulter", self.table, *(row._pk for row in rows))

    # --- The grid ---

    def get_column_name(self, field):
        return f"column.{self.table}.{field}"

    def get_list(self, page, sort_column, sort_desc, search, filters, execute=True, page_size=None):
        query = self.filtered(filters)
        found = paging.page(query, self.keyset, self.page_size, newest_first=self.newest_first,
                            after=request.args.get("after"), before=request.args.get("before"))
        self.load(found.rows)
        self.trace_reading(found.rows)
        self._template_args.update(
            pages=found, page_number=self.page_number(), kept=self.kept(), here=self.whereabouts(),
            search=self.search(), search_offered=self.searchable,
            total=paging.count(query, MOST_COUNTED) if self.counted else None, most_counted=MOST_COUNTED,
            offered={filter.name: filter.choices() for filter in self._filters or () if filter.kind == "choice"},
            **self.above(found.rows))
        return None, found.rows

    def above(self, rows):
        """What the page of the grid shows above its rows."""
        return {}

    def filtered(self, filters):
        query = self.get_query()
        for index, _, value in filters:
            query = self._filters[index].apply(query, value)
        return self.matching(query, self.search().words) if self.search() else query

    def is_valid_filter(self, filter):
        return True

    def get_filter_arg(self, index, flt):
        return flt.name

    def _get_list_filter_args(self):
        """Filters with a value, cleaned. A value that was not offered is a bad request, not "everything"."""
        given = [(index, filter, request.args.get(filter.argument)) for index, filter in enumerate(self._filters or ())]
        try:
            return [(index, filter.name, filter.clean(value)) for index, filter, value in given if value]
        except ValueError:
            abort(400)

    def kept(self, **changes):
        """What the address says of the grid's content: filters and search, not the page."""
        names = {filter.argument for filter in self._filters or ()} | {"recherche"}
        return {**{name: value for name, value in request.args.items() if name in names and value}, **changes}

    def whereabouts(self):
        """The arguments of the page of the grid one came from; the pages of a row carry them to lead back there."""
        return self.kept(**{name: request.args[name] for name in POSITION if request.args.get(name)})

    def page_number(self):
        """For titles only: pages go by position, and the address may say anything."""
        first = not request.args.keys() & {"after", "before"}
        number = 1 if first else request.args.get("page", 1, type=int)
        return number if 1 <= number <= MOST_COUNTED else 1

    @expose("/export/<export_type>/")
    @limited(EXPORTS, methods=("GET", "POST"), by=actor)
    def export(self, export_type):
        """A CSV file of what the grid shows, all pages. The journal says which rows left."""
        if export_type != "csv":
            abort(404)
        key = self.model._meta.primary_key
        rows = self.filtered(self._get_list_filter_args()).select(key).limit(MOST_EXPORTED)
        ids = [pk for pk, in paging.ordered(rows, self.keyset, self.newest_first).tuples()]
        export.want_proof(ids)
        journal.record(self.actor, "exporter", self.table, *ids)
        actor, columns = self.actor, [column for column, _ in self._export_columns]

        def read(some):
            rows = visible(self.model, actor).where(key.in_(some))
            rows = list(paging.ordered(rows, self.keyset, self.newest_first))
            self.load(rows)
            return [[self.get_export_value(row, column) for column in columns] for row in rows]

        titles = [gettext(label) for _, label in self._export_columns]
        return export.stream(titles, ids, read, f"{self.endpoint}.csv")

    # --- One row ---

    @expose("/details/")
    def details_view(self):
        row = self.get_one(request.args.getlist("id"))
        self.load([row])
        self.trace_reading([row])
        return self.render(self.details_template, model=row, details_columns=self._details_columns,
                           get_value=self.get_detail_value, **self.beside(row))

    def beside(self, row):
        """What the page of one row shows beside its columns."""
        return {}

    def title_of(self, row):
        return getattr(row, "name", None) or row._pk
