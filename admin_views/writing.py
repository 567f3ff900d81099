"""Creating, editing and deleting one row: one transaction, the row locked, unchanged since it was shown, still in scope
afterwards, and an event in the journal. Part of the base of the grids, see `admin_views/base.py`.
"""
import hashlib
import logging

from flask import abort, flash, redirect, request
from flask_admin import expose
from flask_admin.contrib.peewee.form import get_form
from flask_babel import gettext, lazy_gettext
from peewee import IntegrityError
from wtforms import HiddenField

from admin_views import paging
from admin_views.fields import Converter
from admin_views.paging import MOST_COUNTED
from portal import journal
from portal.database import transaction
from portal.errors import NotYours, Refused

log = logging.getLogger("maprocuration")


class Changed(Refused):
    """The row is no more what the form showed."""

    status = 409


def fingerprint(row):
    """What somebody saw of a row: another one tells that it was changed since."""
    return hashlib.sha256(repr(sorted(row.__data__.items())).encode()).hexdigest()


def typed():
    """What was sent of a form's fields, without files: no field here knows what to do with one."""
    return request.form if request.method == "POST" else None


class Writing:
    """Forms made of `form_columns`; without any there is none."""

    def scaffold_form(self):
        if not self.form_columns:
            return self.form_base_class
        labels = {name: {"label": lazy_gettext(f"column.{self.table}.{name}"), **(self.form_args or {}).get(name, {})}
                  for name in self.form_columns}
        form = get_form(self.model, Converter(self), base_class=self.form_base_class, only=self.form_columns,
                        field_args=labels, extra_fields=self.form_extra_fields)
        form.seen = HiddenField()
        return form

    def create_form(self, obj=None):
        return self._create_form_class(typed(), obj=obj, **self.proposed())

    def proposed(self):
        """What the fields of a new row hold before anything is typed."""
        return {}

    def edit_form(self, obj=None):
        return self._edit_form_class(typed(), obj=obj)

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self):
        form = self.create_form()
        if self.validate_form(form) and (row := self.create_model(form)):
            return self.created(row)
        return self.render(self.create_template, form=form), 422 if form.errors else 200

    def created(self, row):
        return self._saved(row)

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self):
        row = self.get_one(request.args.getlist("id"))
        form = self.edit_form(row)
        if request.method == "GET":
            form.seen.data = fingerprint(row)
        if self.validate_form(form) and self.update_model(form, row):
            return self._saved(row)
        self.load([row])
        return self.render(self.edit_template, form=form, model=row), 422 if form.errors else 200

    def _saved(self, row):
        flash(gettext("admin.saved"), "success")
        return redirect(self.get_url(".details_view", id=row._pk), 303)

    def create_model(self, form):
        return self._write(form, lambda: self.insert(form), "creer")

    def update_model(self, form, model):
        return self._write(form, lambda: self.change(form, model), "modifier")

    def _write(self, form, write, act):
        """The row written, or None with the reason among the form's errors: a sentence, never the database's words."""
        try:
            with transaction():
                row = write()
                self.check_scope(row)
                journal.record(self.actor, act, self.table, row._pk)
                self.follow(row)
                return row
        except NotYours:
            raise
        except Refused as refusal:
            form.form_errors.append(refusal.sentence)
        except IntegrityError as error:
            log.info("%s refused by the database: %s", self.table, type(error.__cause__).__name__)
            form.form_errors.append(gettext("admin.contradiction"))

    def follow(self, row):
        """What `row`, just written or deleted, moves elsewhere; in the same transaction."""

    def insert(self, form):
        row = self.model()
        self._fill(row, form)
        row.save(force_insert=True)
        return row

    def change(self, form, row):
        row = next(iter(self.locked([str(row._pk)])), None) or abort(404)
        if fingerprint(row) != form.seen.data:
            raise Changed()
        self._fill(row, form)
        row.save()
        return row

    def _fill(self, row, form):
        for name in self.form_columns:
            form[name].populate_obj(row, name)

    def check_scope(self, row):
        if not self.get_query().where(self.model._meta.primary_key == row._pk).exists():
            raise NotYours()

    @expose("/delete/", methods=("GET", "POST"))
    def delete_view(self):
        """GET asks, POST deletes: no script is trusted to ask."""
        row = self.get_one(request.values.getlist("id"))
        if request.method == "POST" and self.delete_model(row):
            flash(gettext("admin.deleted"), "success")
            return redirect(self.get_url(".index_view"), 303)
        used = request.method == "POST"
        self.load([row])
        return self.render("admin/model/delete.html", model=row, still_used=used, hanging=self.hanging(row),
                           most_counted=MOST_COUNTED), 409 if used else 200

    def hanging(self, row):
        """What refers to the row: model, how many rows, whether they go with it or keep it from being deleted."""
        found = [(of.model.__name__, paging.count(of.model.select().where(of == row), MOST_COUNTED),
                  of.on_delete == "CASCADE") for of in self.model._meta.backrefs]
        return [each for each in found if each[1]]

    def delete_model(self, model):
        """This row and nothing that refers to it: True when it is done, False while something does."""
        try:
            with transaction():
                row = next(iter(self.locked([str(model._pk)])), None) or abort(404)
                row.delete_instance()
                journal.record(self.actor, "supprimer", self.table, row._pk)
                self.follow(row)
            return True
        except IntegrityError:
            return False
