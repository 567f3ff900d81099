"""What the stand-in FranceConnect signs, with ES256, and the ways it can be made to sign wrongly."""
import base64
import hashlib
import hmac
import json
import time
from pathlib import Path

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

# Faults of a token's content: what is put in place of the right claims.
WRONG_CLAIMS = {
    "wrong_nonce": {"nonce": "a-nonce-that-nobody-asked-for"},
    "wrong_aud": {"aud": "another-client"},
    "wrong_iss": {"iss": "https://elsewhere.example.org/api/v2"},
    "low_acr": {"acr": "eidas0"},
    "expired_id_token": {"iat": 1_600_000_000, "exp": 1_600_000_060},
}
WRONG_USERINFO = {
    "other_sub": {"sub": "f" * 64 + "v1"},
    "userinfo_wrong_aud": {"aud": "another-client"},
    "userinfo_wrong_iss": {"iss": "https://elsewhere.example.org/api/v2"},
    "userinfo_expired": {"iat": 1_600_000_000, "exp": 1_600_000_060},
}
ID_TOKEN_SIGNATURES = ("alg_none", "hs256_public_key", "foreign_key")
# unsigned_userinfo is plain JSON, userinfo_alg_none a token without a signature.
USERINFO_SIGNATURES = ("unsigned_userinfo", "userinfo_alg_none", "userinfo_foreign_key")


class InvalidHint(Exception):
    """This id_token was not signed by a key in force."""


class KeyRing:
    """The signing keys: the last one signs, those not withdrawn are published."""

    def __init__(self, path=None):
        """path: a file that keeps the key over restarts, so that id_tokens given before still log out."""
        self.path = Path(path) if path else None
        self.keys = [self._kept() or _new_key()]
        self._keep()

    def rotate(self, withdraw=False):
        """A new key signs from now on; withdraw: the old ones leave the JWKS at once."""
        self.keys = ([] if withdraw else self.keys) + [_new_key()]
        self._keep()

    def public(self):
        return KeySet(self.keys).as_dict(private=False)

    def sign(self, claims, fault=None):
        header = {"alg": "ES256", "kid": self.keys[-1].kid}
        if fault in ("alg_none", "userinfo_alg_none"):
            return _unsigned({"alg": "none"}, claims) + "."
        if fault == "hs256_public_key":
            return _signed_with_the_public_key(self.keys[-1], claims)
        key = _new_key() if fault in ("foreign_key", "userinfo_foreign_key") else self.keys[-1]
        return jwt.encode(header, claims, key, algorithms=["ES256"], default_type=None)

    def read(self, token):
        """The claims of a token of ours, expired or not. Errors: InvalidHint."""
        try:
            return jwt.decode(token, KeySet(self.keys), algorithms=["ES256"]).claims
        except (JoseError, ValueError) as error:
            raise InvalidHint(str(error)) from error

    def _kept(self):
        if self.path and self.path.exists():
            return _with_kid(ECKey.import_key(self.path.read_bytes()))

    def _keep(self):
        if self.path:
            self.path.touch(mode=0o600)
            self.path.write_bytes(self.keys[-1].as_pem(private=True))


def id_token_claims(issuer, client_id, grant, sub):
    """No identity in here: it is in userinfo only."""
    return {
        "sub": sub,
        "acr": grant.level or grant.request["acr_values"],
        "auth_time": grant.auth_time,
        "nonce": grant.request["nonce"],
        "at_hash": at_hash(grant.access_token),
        "aud": client_id,
        "exp": int(grant.token_expires_at),
        "iat": int(time.time()),
        "iss": issuer,
    }


def userinfo_claims(issuer, client_id, grant, sub, said):
    """said: the claims of the scopes that were asked."""
    return {**said, "sub": sub, "aud": client_id, "exp": int(grant.token_expires_at), "iat": int(time.time()),
            "iss": issuer}


def at_hash(access_token):
    """Left half of SHA-256 (OpenID Connect Core, 3.1.3.6)."""
    return _base64url(hashlib.sha256(access_token.encode()).digest()[:16])


def pairwise_sub(client_id, identity):
    """64 hexadecimal digits and v1; another one when the civil status changes, as with the real one."""
    civil_status = "".join((identity.given_name, identity.family_name or "", identity.birthdate or "",
                            identity.gender or "", identity.birthplace or "", identity.birthcountry or ""))
    person = hashlib.sha256(civil_status.encode()).hexdigest()
    return hashlib.sha256(f"{client_id}{person}demonstration".encode()).hexdigest() + "v1"


def _new_key():
    return _with_kid(ECKey.generate_key("P-256"))


def _with_kid(key):
    parameters = {"use": "sig", "alg": "ES256", "kid": key.thumbprint()}
    return ECKey.import_key(key.as_dict(private=True), parameters)


def for_encryption(key):
    return ECKey.import_key(key.as_dict(private=True), {"use": "enc", "kid": key.thumbprint()})


def _signed_with_the_public_key(key, claims):
    """A client that lets the token choose its algorithm takes our public key for a shared secret."""
    body = _unsigned({"alg": "HS256", "kid": key.kid}, claims)
    signature = hmac.new(key.as_pem(private=False), body.encode(), hashlib.sha256).digest()
    return f"{body}.{_base64url(signature)}"


def _unsigned(header, claims):
    return ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))


def _base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
