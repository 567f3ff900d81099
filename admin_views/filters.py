"""Filters of the grids: a list to choose from, a day. Their values stand in the address, so no names."""
import datetime

from flask_admin.contrib.peewee.filters import BasePeeweeFilter


class Filter(BasePeeweeFilter):
    """`name` is that of the query's argument (`flt_<name>`) and of the label (`filter.<name>`)."""

    kind = "text"
    views = False

    def __init__(self, column, name=None):
        super().__init__(column, name or column.name)

    @property
    def argument(self):
        return f"flt_{self.name}"

    def operation(self):
        return "equals"


class Choice(Filter):
    """Equality with one of the pairs (value, label) that `choices()` gives when the page is shown.

    `views` puts them as links above the grid: a few values that make as many lists.
    """

    kind = "choice"

    def __init__(self, column, choices, name=None, views=False):
        super().__init__(column, name)
        self.choices, self.views = choices, views

    def clean(self, value):
        """Raises ValueError for what was not offered."""
        known = {str(choice): choice for choice, _ in self.choices()}
        if value not in known:
            raise ValueError(value)
        return known[value]

    def apply(self, query, value):
        return query.where(self.column == value)


class Day(Filter):
    """A day of the calendar, as a date field sends it."""

    kind = "day"

    def clean(self, value):
        return datetime.date.fromisoformat(value)

    def apply(self, query, value):
        return query.where(self.column == value)
