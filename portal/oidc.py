"""OpenID Connect as FranceConnect v2 and ProConnect speak it: a client that asks little and checks everything.

Authlib carries the messages; the checks stand here, since its own leave out aud, acr, the callback's iss, the
discovery's issuer and the signed userinfo, and let the discovery document choose the algorithm.
"""
import datetime
import hmac
import json
import logging
import threading
import time
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from requests import RequestException

from portal.decryption import NotEncrypted, Unopened

ALGORITHM = "ES256"              # registered with the provider; the discovery document must not widen it
TIMEOUTS = (3, 8)                # seconds: to connect, to wait for an answer
PROBE = (2, 3)                   # the same, before a log-out leaves for the provider
LEEWAY = 60                      # seconds of difference allowed between the two clocks
LIFE = 600                       # seconds a document is kept: FranceConnect's own Cache-Control
BETWEEN_REFETCHES = 10           # seconds: bad signatures must not make us hammer the provider
SEATS = 4                        # conversations at once and per process: an outage must not take every thread
WAIT_FOR_A_SEAT = 1              # seconds; none while the provider fails
LONGEST_SUB = 255
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint")
log = logging.getLogger("maprocuration.oidc")


class Outage(Exception):
    """The provider does not answer, or nothing we can read. The message says where, without any value."""


class Distrusted(Exception):
    """The provider's answer fails a check. The message names the check, without any value."""


class TooWeak(Distrusted):
    """The person did not prove who they are at the level asked for."""


class Stale(Distrusted):
    """The person proved who they are too long ago."""


class Tokens(NamedTuple):
    """A log-in that passed every check: the signed id_token (wanted back at log-out), its claims and userinfo's."""

    id_token: str
    claims: dict
    userinfo: dict

    @property
    def proved_at(self):
        """When the person proved who they are: a session at the provider may be older. None where it is not said."""
        said = self.claims.get("auth_time")
        return datetime.datetime.fromtimestamp(min(said, time.time()), datetime.UTC) if _instant(said) else None

    @property
    def evidence(self):
        """What can prove the log-in later, without any token: JSON types, the subject as its SHA-256."""
        kept = {name: self.claims.get(name) for name in ("iss", "acr", "auth_time", "at_hash")}
        return {**kept, "sub": sha256(self.claims["sub"].encode()).hexdigest()}


class Document:
    """JSON at an address, kept for LIFE. A failure is not kept: the next reader asks again."""

    def __init__(self, check):
        self.check = check
        self.value, self.read_at, self.again_at = None, 0, -BETWEEN_REFETCHES

    def read(self, url, timeouts):
        if self.value is None or time.monotonic() - self.read_at > LIFE:
            self.fetch(url, timeouts)
        return self.value

    def fetch(self, url, timeouts):
        """Ask for it, whatever is kept. Raises Outage."""
        value = self.check(_json(url, timeouts))
        self.value, self.read_at = value, time.monotonic()
        return value

    def again(self, url, timeouts):
        """Ask for it before its time, at most once in BETWEEN_REFETCHES; None when it is too soon."""
        if time.monotonic() - self.again_at < BETWEEN_REFETCHES:
            return None
        value = self.fetch(url, timeouts)
        self.again_at = time.monotonic()
        return value


class Provider:
    """One provider and us, its client. Nothing is asked of it before the first log-in."""

    def __init__(self, issuer, client_id, client_secret, *, scope, enough, acr=None, pkce=False, keys=None,
                 recent=None):
        """`enough` are the levels accepted in the answer, `acr` the one asked for; without it one of `enough` is asked
        for as essential.

        `pkce`: the provider takes a challenge (RFC 7636). `keys` (portal.decryption) open its answers, which must then
        be encrypted. `recent` is for how many seconds a proof is good: the provider is then asked not to be content
        with an older one.
        """
        self.issuer, self.client_id, self.client_secret = issuer, client_id, client_secret
        self.scope, self.acr, self.enough, self.pkce = scope, acr, enough, pkce
        self.keys, self.recent = keys, recent
        self.discovery, self.jwks = Document(self._metadata), Document(_key_set)
        self.timeouts, self.seats, self.failing = TIMEOUTS, threading.BoundedSemaphore(SEATS), False

    @property
    def metadata(self):
        return self.discovery.read(self._discovery_url, self.timeouts)

    @property
    def _discovery_url(self):
        return f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"

    def _metadata(self, document):
        """Raises Outage where the document is not that of our issuer (OIDC Discovery 4.3)."""
        if document.get("issuer") != self.issuer:
            raise Outage("discovery: another issuer")
        if not all(self._address(document.get(name)) for name in ENDPOINTS):
            raise Outage("discovery: an address is missing")
        return document

    def _address(self, url):
        """Is `url` an address no less safe than the issuer's?"""
        allowed = {urlsplit(self.issuer).scheme, "https"}
        return isinstance(url, str) and urlsplit(url).scheme in allowed

    @contextmanager
    def conversation(self):
        """Room for a few exchanges with the provider. Raises Outage, its own and for a lack of room."""
        if not self.seats.acquire(timeout=0 if self.failing else WAIT_FOR_A_SEAT):
            raise Outage("too many conversations at once")
        try:
            yield
        except (RequestException, ValueError, TypeError, KeyError) as error:  # an HTML page answered with 200 too
            self.failing = True
            raise Outage(type(error).__name__) from error
        finally:
            self.seats.release()

    def log_in_url(self, redirect_uri, attempt):
        """Where to send the browser of `attempt` (its state, nonce and verifier). Every parameter is one the provider
        allows: FranceConnect refuses others, PKCE too."""
        with self.conversation():
            return OAuth2Session(self.client_id).create_authorization_url(
                self.metadata["authorization_endpoint"], state=attempt.state, nonce=attempt.nonce, scope=self.scope,
                redirect_uri=redirect_uri, **self._level(), **self._challenge(attempt))[0]

    def _level(self):
        """How well, and how lately, people are to prove who they are. max_age is refused by both."""
        prompt = {"prompt": "login"} if self.recent else {}
        if self.acr:
            return {"acr_values": self.acr, **prompt}
        wanted = {"acr": {"essential": True, "values": list(self.enough)}, "auth_time": {"essential": True}}
        return {"claims": json.dumps({"id_token": wanted}), **prompt}

    def _challenge(self, attempt):
        if not self.pkce:
            return {}
        return {"code_challenge": create_s256_code_challenge(attempt.verifier), "code_challenge_method": "S256"}

    def log_out_url(self, id_token, state, back):
        """Where to send the browser after our own session ended. Raises Outage when nobody answers there."""
        with self.conversation():
            metadata = self.discovery.fetch(self._discovery_url, PROBE)
            return add_params_to_uri(metadata["end_session_endpoint"], {
                "id_token_hint": id_token, "state": state, "post_logout_redirect_uri": back})

    def check_callback(self, iss):
        """The answer's `iss` (RFC 9207): required where the provider promises one. Raises Distrusted, Outage."""
        with self.conversation():
            promised = self.metadata.get("authorization_response_iss_parameter_supported") is True
        if iss != self.issuer and (promised or iss is not None):
            raise Distrusted("callback iss")

    def log_in(self, code, redirect_uri, attempt):
        """Exchange the code that answers `attempt` for Tokens. Raises Outage, Distrusted."""
        with self.conversation(), self._session(redirect_uri) as session:
            token = self._token(session, code, {"code_verifier": attempt.verifier} if self.pkce else {})
            claims = self._id_token(token, attempt.nonce)
            userinfo = self._userinfo(session, claims["sub"])
            self.failing = False
            return Tokens(token["id_token"], claims, userinfo)

    def _session(self, redirect_uri):
        session = OAuth2Session(self.client_id, self.client_secret, redirect_uri=redirect_uri,
                                token_endpoint_auth_method="client_secret_post", default_timeout=self.timeouts,
                                leeway=0)  # the access token lives 60 s, Authlib's own margin
        session.max_redirects = 0          # a redirect would carry our secret elsewhere
        session.register_compliance_hook("access_token_response", _token_answered)
        return session

    def _token(self, session, code, verifier):
        try:
            token = session.fetch_token(self.metadata["token_endpoint"], grant_type="authorization_code", code=code,
                                        **verifier)
        except OAuthError as error:
            if error.error == "invalid_grant":
                raise Distrusted("code refused") from error
            raise Outage("token refused") from error
        if not isinstance(token.get("access_token"), str):
            raise Outage("token: no access token")
        if not isinstance(token.get("id_token"), str):
            raise Distrusted("no id_token")
        return {**token, "id_token": self._opened(token["id_token"], "id_token")}

    def _id_token(self, token, nonce):
        claims = self._signed(token["id_token"], "id_token")
        self._check(claims, "id_token")
        if not _same(claims.get("nonce"), nonce):
            raise Distrusted("id_token nonce")
        if claims.get("acr") not in self.enough:
            raise TooWeak("id_token acr")
        if self.recent and not _within(claims.get("auth_time"), self.recent):
            raise Stale("id_token auth_time")
        if claims.get("azp", self.client_id) != self.client_id:
            raise Distrusted("id_token azp")
        if "at_hash" in claims and not _same(claims["at_hash"], at_hash(token["access_token"])):
            raise Distrusted("id_token at_hash")
        return claims

    def _userinfo(self, session, sub):
        answer = session.get(self.metadata["userinfo_endpoint"])
        if answer.status_code == 401:
            raise Distrusted("userinfo refused")
        answer.raise_for_status()
        _check_type(answer.headers.get("Content-Type", ""))
        claims = self._signed(self._opened(answer.text, "userinfo"), "userinfo")
        self._check(claims, "userinfo")
        if not _same(claims["sub"], sub):
            raise Distrusted("userinfo sub")
        return claims

    def _opened(self, text, what):
        """The signed token, taken out of its envelope where the provider encrypts for us. Raises Distrusted."""
        try:
            return self.keys.open(text.strip()) if self.keys else text
        except NotEncrypted as error:
            raise Distrusted(f"{what} not encrypted") from error
        except Unopened as error:
            raise Distrusted(f"{what} unopened") from error

    def _signed(self, text, what):
        """The claims of a token signed by the provider. An unknown key or a bad signature asks for the keys again."""
        url = self.metadata["jwks_uri"]
        keys = self.jwks.read(url, self.timeouts)
        try:
            return _decode(text, keys, what)
        except (InvalidKeyIdError, BadSignatureError) as error:
            keys = self.jwks.again(url, self.timeouts)
            if keys is None:
                raise Distrusted(f"{what} signature") from error
        try:
            return _decode(text, keys, what)
        except (InvalidKeyIdError, BadSignatureError) as error:
            raise Distrusted(f"{what} signature") from error

    def _check(self, claims, what):
        """What id_token and userinfo have in common. Raises Distrusted."""
        if claims.get("iss") != self.issuer:
            raise Distrusted(f"{what} iss")
        if claims.get("aud") not in (self.client_id, [self.client_id]):
            raise Distrusted(f"{what} aud")
        if not _instant(claims.get("exp")) or claims["exp"] + LEEWAY <= time.time():
            raise Distrusted(f"{what} exp")
        if not _instant(claims.get("iat")) or claims["iat"] - LEEWAY > time.time():
            raise Distrusted(f"{what} iat")
        if not _opaque(claims.get("sub")):
            raise Distrusted(f"{what} sub")


def at_hash(access_token):
    """Left half of SHA-256, base64url (OIDC Core 3.1.3.6)."""
    return urlsafe_b64encode(sha256(access_token.encode()).digest()[:16]).rstrip(b"=").decode()


def _json(url, timeouts):
    with OAuth2Session(default_timeout=timeouts) as session:
        session.max_redirects = 0
        answer = session.request("GET", url, withhold_token=True)
    answer.raise_for_status()
    document = answer.json()
    if not isinstance(document, dict):
        raise Outage("not a JSON object")
    return document


def _key_set(document):
    try:
        return KeySet.import_key_set(document)
    except (JoseError, LookupError) as error:
        raise Outage("unreadable keys") from error


def _decode(text, keys, what):
    """Raises Distrusted; InvalidKeyIdError and BadSignatureError, which newer keys may mend."""
    registry = JWSRegistry(algorithms=[ALGORITHM], strict_check_header=False)
    try:
        return jwt.decode(text, keys, registry=registry).claims
    except (InvalidKeyIdError, BadSignatureError):
        raise
    except (JoseError, ValueError) as error:
        raise Distrusted(f"{what} unreadable") from error


def _token_answered(answer):
    """The provider's support wants the `error_uri` of a refusal; nothing else of an answer is logged."""
    if answer.status_code >= 400:
        uri = _error_uri(answer)
        log.warning("token endpoint: %s %s", answer.status_code, ascii(uri)[:300])
    return answer


def _error_uri(answer):
    try:
        return answer.json()["error_uri"]
    except (ValueError, LookupError, TypeError):
        return None


def _check_type(content_type):
    """Signed userinfo is application/jwt; plain JSON is an answer nobody signed, HTML is an outage."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        raise Distrusted("userinfo unsigned")
    if kind != "application/jwt":
        raise Outage("userinfo: not a token")


def _instant(value):
    """Is `value` a number of seconds? JSON's NaN and Infinity are not."""
    return isinstance(value, (int, float)) and 0 < value < 2 ** 40


def _within(instant, seconds):
    """Did `instant` pass, at most so many seconds ago?"""
    return _instant(instant) and -LEEWAY <= time.time() - instant <= seconds


def _opaque(sub):
    """Is `sub` a subject as OIDC Core 2 has it: ASCII, 255 characters at most?"""
    return isinstance(sub, str) and 0 < len(sub) <= LONGEST_SUB and sub.isascii() and sub.isprintable()


def _same(value, expected):
    return isinstance(value, str) and hmac.compare_digest(value.encode(), expected.encode())
