"""Tokens that open one thing, once: links, cookies, states, opened files. The database keeps their hash only."""
import hashlib

from models import SingleUse, now
from portal import sealed
from portal.errors import LinkDead


def digest(token):
    """What the database keeps of a secret link, cookie or state."""
    return hashlib.sha256(token.encode()).hexdigest()


def token_of(draw, kind):
    """The token of the link that a mail's `draw` stands for: the database alone opens nothing."""
    return sealed.derived(kind, draw)


def spend(token, kind):
    """Mark a single-use token used and return its row. Raises LinkDead for any second time."""
    done = (SingleUse.update(used_at=now())
            .where(SingleUse.hash == digest(token), SingleUse.kind == kind, SingleUse.used_at.is_null(),
                   SingleUse.expires_at > now()).execute())
    if not done:
        raise LinkDead()
    return SingleUse.get_by_id(digest(token))
