"""What the ministry keeps: reference data, accounts, mails and the journal. No identity of a voter."""
from flask_babel import gettext, lazy_gettext
from wtforms.validators import ValidationError

from admin_views.base import ScopedView, words
from admin_views.bulk import bulk
from admin_views.filters import Choice
from models import COUNTRY, Commune, CommuneName, Event, Mail, Role, Rules, Scrutin, Tour
from portal import journal, outbox
from portal.communes import find, name_key
from portal.errors import Refused

MINISTRY = frozenset({Role.MINISTRY})
LONGEST_SHOWN = 80          # characters of the ids of an event


def of_words(name, column):
    """What people read for the value of a column; the value itself where nobody found a word."""
    return lambda view, context, row, _: words(name).get(getattr(row, column), getattr(row, column))


def trace(view, context, event, name):
    """The act of an event, in the words of the procedure or of the journal."""
    return {**words("ACTS"), **words("TRACES")}.get(event.act, event.act)


# --- Reference data -------------------------------------------------------------------------------------------------

class CommuneView(ScopedView):
    roles = MINISTRY
    column_list = ("name", "departement", "code", "postal_codes", "population", "zone", "listed")
    form_columns = ()                           # `flask communes import` keeps them
    keyset = (Commune.name, Commune.code)
    searchable = True

    def matching(self, query, words):
        named = CommuneName.select(CommuneName.commune).where(CommuneName.key.begins(name_key(words)))
        return query.where(Commune.code.in_(named))


def territory(form, field):
    """The country, a département or a commune of today."""
    of_departement = Commune.select().where(Commune.departement == field.data)
    if not (field.data == COUNTRY or find(field.data) or of_departement.exists()):
        raise ValidationError(gettext("field.territory"))


class ScrutinView(ScopedView):
    roles = MINISTRY
    rights = {"create": MINISTRY, "edit": MINISTRY}
    column_list = form_columns = ("name", "territory", "opens_at")
    form_args = {"territory": {"validators": [territory]}}
    newest_first = True


class TourView(ScopedView):
    roles = MINISTRY
    rights = {"create": MINISTRY, "edit": MINISTRY, "delete": MINISTRY}
    column_list = ("scrutin.name", "number", "day")
    form_columns = ("scrutin", "number", "day")
    keyset = (Tour.day, Tour.id)
    newest_first = True
    related = (Tour.scrutin,)

    def title_of(self, row):
        return f"{row.scrutin.name}, {words('TOURS')[row.number]}"


class RulesView(ScopedView):
    roles = MINISTRY
    rights = {"create": MINISTRY, "edit": MINISTRY, "delete": MINISTRY}
    column_list = ("territory", "scrutin.name", "places_france", "places", "same_commune", "mode")
    form_columns = ("scrutin", "territory", "places_france", "places", "same_commune", "mode")
    column_formatters = {"mode": lambda view, context, row, name: gettext(f"mode.{row.mode}")}
    form_args = {"territory": {"validators": [territory]},
                 "mode": {"choices": [(mode, lazy_gettext(f"mode.{mode}")) for mode in Rules.MODES]}}
    related = (Rules.scrutin,)

    def title_of(self, row):
        return row.territory


# --- Mails and the journal ------------------------------------------------------------------------------------------

class NotDead(Refused):
    """Only a mail that was given up is sent again."""

    status = 409


class MailView(ScopedView):
    """States only: neither recipients nor contents."""

    roles = MINISTRY
    column_list = ("id", "name", "state", "tries", "created_at", "sent_at", "error")
    column_details_list = (*column_list, "next_at")
    column_filters = (Choice(Mail.state, lambda: [(state, gettext(f"mail.{state}")) for state in Mail.STATES]),)
    column_formatters = {"state": lambda view, context, row, name: gettext(f"mail.{row.state}")}
    form_columns = ()
    newest_first = True

    def title_of(self, row):
        return row.id

    @bulk(Role.MINISTRY)
    def renvoyer(self, row):
        if not outbox.resend(row):
            raise NotDead()
        journal.record(self.actor, "renvoyer", "mail", row.id)


class EventView(ScopedView):
    roles = MINISTRY
    column_list = ("id", "at", "act", "role", "actor", "subject", "subjects", "seq")
    column_filters = (Choice(Event.role, lambda: [(role, words("ROLES")[role]) for role in Role]),)
    column_formatters = {"act": trace, "role": of_words("ROLES", "role"), "subject": of_words("TABLES", "subject"),
                         "subjects": lambda view, context, row, name: row.subjects[:LONGEST_SHOWN]}
    column_details_list = (*column_list, "mac", "hash")
    column_formatters_detail = {"act": trace, "role": of_words("ROLES", "role")}
    form_columns = ()
    newest_first = True


def views():
    return [ScrutinView(Scrutin, "scrutins"), TourView(Tour, "tours"), RulesView(Rules, "regles"),
            CommuneView(Commune, "communes"), MailView(Mail, "courriels"),
            EventView(Event, "journal")]
