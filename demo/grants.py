"""What the stand-in FranceConnect remembers: browsers, log-ins under way, codes and access tokens.

Kept in memory and lost at a restart, as nothing here is worth more than half an hour. Lives are in seconds.
"""
import base64
import hashlib
import secrets
import threading
import time
from dataclasses import dataclass, field


class NoSuchInteraction(Exception):
    """The log-in under way is unknown, too old, or was begun in another browser."""


class InvalidGrant(Exception):
    """This code or access token gives nothing; the message says why."""


def secret():
    return secrets.token_urlsafe(32)


def challenge_of(verifier):
    """S256 (RFC 7636, 4.2); None for none."""
    if verifier is None:
        return None
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(eq=False)
class Browser:
    """One browser's cookie, and the person logged in there: the single sign-on."""

    cookie: str = field(default_factory=secret)
    login: str | None = None
    level: str | None = None  # chosen by the person, None where there is no choice
    auth_time: int = 0
    expires_at: float = 0


@dataclass(eq=False)
class Interaction:
    """A log-in asked for and not answered yet. It may be answered twice: people double-click and go back."""

    browser: Browser
    request: dict
    expires_at: float
    uid: str = field(default_factory=secret)
    csrf: str = field(default_factory=secret)


@dataclass(eq=False)
class Grant:
    """What one log-in gave one client: a code, then an access token."""

    browser: Browser
    request: dict
    login: str
    level: str | None
    auth_time: int
    code_expires_at: float
    code: str = field(default_factory=secret)
    access_token: str | None = None
    token_expires_at: float = 0
    revoked: bool = False

    @property
    def scopes(self):
        return self.request["scope"].split()

    @property
    def unfinished(self):
        return self.access_token is None

    @property
    def over(self):
        return time.time() > max(self.code_expires_at, self.token_expires_at)


class Ledger:
    """All of it, one lock over it: a code redeemed twice at the same instant serves once."""

    def __init__(self, code_life, token_life, session_life):
        self.code_life, self.token_life, self.session_life = code_life, token_life, session_life
        self.lock = threading.Lock()
        self.browsers, self.interactions, self.grants = {}, {}, []

    def browser(self, cookie):
        """The browser of this cookie, its half hour begun again; a new one where there is none."""
        with self.lock:
            self._forget()
            found = self.browsers.get(cookie) or Browser()
            found.expires_at = time.time() + self.session_life
            self.browsers[found.cookie] = found
            return found

    def log_in(self, browser, login, level=None):
        """A new cookie at each log-in: one that was planted beforehand is worth nothing."""
        with self.lock:
            self.browsers.pop(browser.cookie, None)
            browser.cookie, browser.login, browser.level, browser.auth_time = secret(), login, level, int(time.time())
            self.browsers[browser.cookie] = browser

    def log_out(self, browser):
        with self.lock:
            browser.login = None
            self._revoke(grant for grant in self.grants if grant.browser is browser)

    def begin(self, browser, request):
        """request: the checked parameters of /authorize."""
        with self.lock:
            interaction = Interaction(browser, request, time.time() + self.session_life)
            self.interactions[interaction.uid] = interaction
            return interaction

    def interaction(self, uid, cookie):
        """Errors: NoSuchInteraction."""
        with self.lock:
            self._forget()
            found = self.interactions.get(uid)
            if found is None or found.browser.cookie != cookie:
                raise NoSuchInteraction
            return found

    def give_code(self, interaction):
        """A new code; the unfinished one of the same browser at the same client dies."""
        browser, request = interaction.browser, interaction.request
        with self.lock:
            self._revoke(grant for grant in self.grants if grant.unfinished and grant.browser is browser
                         and grant.request["client_id"] == request["client_id"])
            expires_at = time.time() + self.code_life
            self.grants.append(Grant(browser, request, browser.login, browser.level, browser.auth_time, expires_at))
            return self.grants[-1].code

    def redeem(self, code, client_id, redirect_uri, verifier=None):
        """The grant with its access token. Errors: InvalidGrant; a replayed code revokes what it gave."""
        with self.lock:
            grant = next((grant for grant in self.grants if grant.code == code), None)
            self._check(grant, client_id, redirect_uri)
            if challenge_of(verifier) != grant.request.get("code_challenge"):
                raise InvalidGrant("PKCE verification failed")
            grant.access_token, grant.token_expires_at = secret(), time.time() + self.token_life
            return grant

    def grant_of(self, access_token):
        """Errors: InvalidGrant."""
        with self.lock:
            for grant in self.grants:
                if grant.access_token == access_token and not grant.revoked \
                        and grant.token_expires_at > time.time():
                    return grant
            raise InvalidGrant("invalid token provided")

    def revoke(self, access_token):
        with self.lock:
            self._revoke(grant for grant in self.grants if grant.access_token == access_token)

    def _check(self, grant, client_id, redirect_uri):
        if grant is None:
            raise InvalidGrant("authorization code not found")
        if not grant.unfinished:
            grant.revoked = True
            raise InvalidGrant("authorization code already consumed")
        if grant.revoked:
            raise InvalidGrant("authorization code was revoked")
        if grant.code_expires_at <= time.time():
            raise InvalidGrant("authorization code is expired")
        if (grant.request["client_id"], grant.request["redirect_uri"]) != (client_id, redirect_uri):
            raise InvalidGrant("client or redirect_uri mismatch")

    @staticmethod
    def _revoke(grants):
        for grant in grants:
            grant.revoked = True

    def _forget(self):
        now = time.time()
        self.browsers = {cookie: one for cookie, one in self.browsers.items() if one.expires_at > now}
        self.interactions = {uid: one for uid, one in self.interactions.items() if one.expires_at > now}
        self.grants = [grant for grant in self.grants if not grant.over]
