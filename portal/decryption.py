"""The keys that open what FranceConnect+ encrypts for us: its answers are signed, then encrypted (JWE).

The public halves are published for it at `/franceconnect/cles`. Several keys may be kept for the time of a change: the
answer names its own by `kid`, the thumbprint (RFC 7638).
"""
import json
from pathlib import Path

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key

CONTENT = "A256GCM"
WAYS = {"EC": ("ECDH-ES",), "RSA": ("RSA-OAEP", "RSA-OAEP-256")}  # those FranceConnect+ offers, by kind of key
PARTS = 5                      # of a compact JWE; a signed token has three
LONGEST = 64 * 1024            # characters of an answer


class NotEncrypted(ValueError):
    """The answer is no JWE: whoever wrote it may be anybody on the way."""


class Unopened(ValueError):
    """Encrypted for another key, in a way that was not agreed, or damaged."""


class UnusableKey(ValueError):
    """Neither a private key, EC or RSA, nor a file with one."""


class Keys:
    """`text` is a PEM, a JWK or a JWK set, or the path of a file with one. Raises UnusableKey."""

    def __init__(self, text):
        try:
            self.known = KeySet([_prepared(key) for key in _imported(text)])
        except (JoseError, ValueError, TypeError, LookupError, OSError) as error:
            raise UnusableKey() from error
        ways = {way for key in self.known for way in WAYS[key.key_type]}
        self.registry = jwe.JWERegistry(algorithms=[*ways, CONTENT], strict_check_header=False)

    def published(self):
        """The public halves as a JWK set."""
        return self.known.as_dict(private=False)

    def open(self, text):
        """The signed token inside. Raises NotEncrypted, Unopened."""
        if text.count(".") != PARTS - 1:
            raise NotEncrypted()
        try:
            if len(text) > LONGEST:
                raise Unopened()
            return jwe.decrypt_compact(text, self.known, registry=self.registry).plaintext.decode("ascii")
        except (JoseError, ValueError, TypeError, AssertionError, LookupError) as error:
            raise Unopened() from error


def _imported(text):
    """The keys of `text`, not looked at yet."""
    text = text.strip()
    text = text if text.startswith(("{", "-----")) else Path(text).read_text()
    written = json.loads(text) if text.lstrip().startswith("{") else text
    found = written["keys"] if isinstance(written, dict) and "keys" in written else [written]
    if not found:
        raise UnusableKey()
    return [import_key(key, None if isinstance(key, dict) else _kind(key)) for key in found]


def _kind(pem):
    """PEM files do not say it in words, except old ones."""
    for kind in WAYS:
        try:
            import_key(pem, kind)
            return kind
        except (JoseError, ValueError, TypeError):
            continue
    raise UnusableKey()


def _prepared(key):
    if key.key_type not in WAYS or not key.is_private:
        raise UnusableKey()
    return import_key({**key.as_dict(private=True), "use": "enc", "kid": key.thumbprint()})
