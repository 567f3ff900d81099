"""Agents' passwords: how they are kept and compared, and which ones are too easily guessed."""
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from models import Role
from portal import guesses
from portal.errors import Refused
from portal.limits import TooOften

HASHER = PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)  # OWASP's floor; the default takes 64 MiB
HASHING = ThreadPoolExecutor(2, "password")         # each thread keeps its 19 MiB: a flood of log-ins gets no more…
QUEUE = threading.BoundedSemaphore(30)              # …and no more wait, a second at most
NOBODY = HASHER.hash(secrets.token_hex())           # an unknown account costs the same time as a known one
SHORTEST = {Role.MANAGER: 16, Role.MINISTRY: 16}    # characters; 14 for the others. No composition rule (ANSSI, CNIL)
LONGEST = 128
ENOUGH = 8                                          # characters nobody can tell beforehand, see portal.guesses


class Busy(TooOften):
    """More passwords are given at once than can be compared."""


class UnfitPassword(Refused):
    """It cannot be chosen."""


class WeakPassword(UnfitPassword):
    """Too short or too long; `least` and `most` are numbers of characters."""


class GuessablePassword(UnfitPassword):
    """Long, and yet made of what anybody would try."""


def slowly(work, *args):
    """The result of a slow hash, computed with few others at once. Raises Busy."""
    if not QUEUE.acquire(blocking=False):
        raise Busy(retry_after=5)
    try:
        return HASHING.submit(work, *args).result()
    finally:
        QUEUE.release()


def hashed(password):
    """What is kept of a password."""
    return slowly(HASHER.hash, password)


def matches(password, kept):
    """Is it the one that is kept? In the same time where none is."""
    try:
        return slowly(HASHER.verify, kept or NOBODY, password[:LONGEST + 1])
    except (VerifyMismatchError, InvalidHashError):
        return False


def is_old(kept):
    """Was it hashed with other parameters than those of today?"""
    return HASHER.check_needs_rehash(kept)


def least_characters(agent):
    return SHORTEST.get(agent.role, 14)


def check(agent, password):
    """Raises UnfitPassword."""
    least = least_characters(agent)
    if not least <= len(password) <= LONGEST:
        raise WeakPassword(least=least, most=LONGEST)
    if guesses.worth(password, _said_of(agent)) < ENOUGH:
        raise GuessablePassword()


def _said_of(agent):
    """Texts whose words anybody would try first."""
    return (agent.name, agent.email, agent.unit, agent.place, agent.commune.name if agent.commune else "")
