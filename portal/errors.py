"""What can be refused, by name. Pages turn a name into a sentence: the msgid `error.<Name>` of the catalogue."""
from flask_babel import gettext


class Refused(Exception):
    """Something a person asked for cannot be done. Nothing was written. `facts` fill the sentence's blanks."""

    status = 422

    def __init__(self, **facts):
        super().__init__(type(self).__name__)
        self.facts = facts

    @property
    def sentence(self):
        return gettext(f"error.{type(self).__name__}", **self.facts)


class NotYours(Refused):
    """The actor has no such right, or the file is outside their perimeter: to them it does not exist."""

    status = 404


class AlreadyDecided(Refused):
    """Somebody else moved the file meanwhile; `passage` says who and to what."""

    status = 409

    def __init__(self, passage):
        super().__init__()
        self.passage = passage


class PlacesMoved(AlreadyDecided):
    """An older act took a place of the file since it was read (L. 73)."""


class NothingChanged(Refused):
    """A correction that corrects nothing."""


class PlaceGone(Refused):
    """No place is there for the act any more: another took it (L. 73)."""

    status = 409


class ReasonMissing(Refused):
    """The act asks for a reason of its closed list."""


class PollOver(Refused):
    """The last day covered has ended."""


class Echue(PollOver):
    """The procuration was established, and its last day has ended."""

    status = 409


class PollChanged(Refused):
    """A tour that the request names was removed while it was read again."""

    status = 409


class TooLateToUndo(Refused):
    """An officer may undo an own act within 15 minutes (design 4)."""

    status = 409


class NoPlaceHeld(Refused):
    """Validation names the tours where a place is held, and there is none (L. 73)."""

    status = 409


class PlaceHeld(Refused):
    """The ceiling is no reason to invalidate a procuration that holds a place (L. 73)."""

    status = 409


class LinkDead(Refused):
    """A single-use link that is unknown, used or too old."""

    status = 404


class WrongPassword(Refused):
    """Unknown account, wrong password or suspended account: the answer is the same."""
