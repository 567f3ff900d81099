"""One stand-in FranceConnect, the one client it knows, and the faults it can be given."""
import threading
from collections import deque
from dataclasses import replace

from demo import tokens
from demo.grants import Ledger
from demo.identities import CLAIMS_OF_SCOPE, PEOPLE
from demo.parameters import ACR, FRANCECONNECT

OUTAGES = {f"{endpoint}_{how}" for endpoint in ("discovery", "jwks", "token", "userinfo")
           for how in ("500", "hangs", "html")}
CALLBACK_ISS = {"wrong_callback_iss": {"iss": "https://elsewhere.example.org/api/v2"}, "no_callback_iss": {}}
FAULTS = frozenset({*OUTAGES, *CALLBACK_ISS, *tokens.WRONG_CLAIMS, *tokens.WRONG_USERINFO,
                    *tokens.ID_TOKEN_SIGNATURES, *tokens.USERINFO_SIGNATURES, "no_id_token"})


class Provider:
    """What a test holds in its hand: handle.fault = "wrong_nonce", handle.rotate_keys().

    fault: None or one of FAULTS; seconds: how long *_hangs keeps the caller waiting.
    seen: the last calls as (method, endpoint), for tests that count them.
    identity_provider: the address where people say who they are (demo.identity_provider); None, here.
    """

    cookie = "demo_franceconnect"  # cookies ignore ports: the portal's on the same host has another name
    levels = (ACR,)                # those that may be asked for
    offered = ()                   # those to choose from, where there is a choice
    single_sign_on = True
    consent = True                 # asked of who is logged in already; where it is not, the way back is silent
    accepted, people, subject_type = FRANCECONNECT, PEOPLE, "pairwise"
    faults, wrong_claims, claims_of_scope, encryption = FAULTS, tokens.WRONG_CLAIMS, CLAIMS_OF_SCOPE, {}

    def __init__(self, base_url, client_id, client_secret, redirect_uris, post_logout_redirect_uris, *,
                 code_life=30, token_life=60, session_life=1800, key_file=None, identity_provider=None):
        self.base_url = base_url.rstrip("/")
        self.client_id, self.client_secret = client_id, client_secret
        self.redirect_uris = set(redirect_uris)
        self.post_logout_redirect_uris = set(post_logout_redirect_uris)
        self.ledger = Ledger(code_life, token_life, session_life)
        self.keys = tokens.KeyRing(key_file)
        self.identity_provider = identity_provider
        self.identities = {identity.login: identity for identity in self.people}
        self.seconds, self._fault, self._released = 20, None, threading.Event()
        self.seen = deque(maxlen=1000)

    @property
    def issuer(self):
        return f"{self.base_url}/api/v2"

    @property
    def fault(self):
        return self._fault

    @fault.setter
    def fault(self, name):
        if name is not None and name not in self.faults:
            raise ValueError(f"{name}: not one of {', '.join(sorted(self.faults))}")
        self._fault = name
        self._released.set()
        self._released = threading.Event()

    def hang(self):
        """Until the fault is changed, or for so many seconds."""
        self._released.wait(self.seconds)

    def rotate_keys(self, withdraw=False):
        self.keys.rotate(withdraw)

    def accept(self, redirect_uri, post_logout_redirect_uri=None):
        """Register one more address of the client."""
        self.redirect_uris.add(redirect_uri)
        if post_logout_redirect_uri:
            self.post_logout_redirect_uris.add(post_logout_redirect_uri)

    def alter(self, login, **changes):
        """The register changes what it says of somebody; None withdraws a claim. The sub changes with it."""
        self.identities[login] = replace(self.identities[login], **changes)

    def sub_of(self, login):
        return tokens.pairwise_sub(self.client_id, self.identities[login])

    def level_of(self, login, chosen):
        """How well somebody proves who they are, None for the level asked."""
        return chosen if chosen in self.offered else None

    def satisfied(self, interaction):
        """May the person who logged in go back with a code?"""
        return True

    def said(self, grant):
        """The claims of one person that the scopes of a grant open; unknown scopes are dropped silently."""
        opened = {claim for scope in grant.scopes for claim in self.claims_of_scope.get(scope, ())}
        claims = self.claims_about(self.identities[grant.login])
        return {name: value for name, value in claims.items() if name in opened}

    def claims_about(self, identity):
        return identity.claims()

    def callback_iss(self):
        """RFC 9207: errors carry it too."""
        return CALLBACK_ISS.get(self.fault, {"iss": self.issuer})

    def id_token(self, grant):
        claims = tokens.id_token_claims(self.issuer, self.client_id, grant, self.sub_of(grant.login))
        said = {**claims, **self.wrong_claims.get(self.fault, {})}
        return self.keys.sign({name: value for name, value in said.items() if value is not None},
                              self._about("ID_TOKEN"))

    def userinfo_claims(self, grant):
        claims = tokens.userinfo_claims(self.issuer, self.client_id, grant, self.sub_of(grant.login),
                                        self.said(grant))
        return {**claims, **tokens.WRONG_USERINFO.get(self.fault, {})}

    def userinfo(self, grant):
        return self.keys.sign(self.userinfo_claims(grant), self._about("USERINFO"))

    def _about(self, token):
        return self.fault if self.fault in getattr(tokens, f"{token}_SIGNATURES") else None
