"""Secrets the database must keep and yet not give away, encrypted, and those it need not keep at all: both under keys
derived from SECRET_KEY."""
import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal import settings


class Unreadable(Exception):
    """Sealed for another purpose or under another key, too old, or no seal at all."""


def key(purpose):
    """32 bytes for one purpose: who learns one learns no other."""
    extracted = HKDF(SHA256(), length=32, salt=None, info=f"maprocuration {purpose}".encode())
    return extracted.derive(settings.active().secret_key.encode())


def derived(purpose, text):
    """64 hexadecimal digits, always the same for `text`: nobody without SECRET_KEY can tell them."""
    return hmac.new(key(purpose), text.encode(), hashlib.sha256).hexdigest()


def seal(purpose, text):
    return _box(purpose).encrypt(text.encode()).decode()


def unseal(purpose, sealed, life=None):
    """The text back. Raises Unreadable; also once it is older than `life`, a timedelta."""
    try:
        return _box(purpose).decrypt(sealed.encode(), ttl=life and int(life.total_seconds())).decode()
    except InvalidToken as error:
        raise Unreadable() from error


def _box(purpose):
    return Fernet(base64.urlsafe_b64encode(key(purpose)))
