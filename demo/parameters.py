"""The parameters FranceConnect v2 and ProConnect accept at each address, and their three ways of refusing.

Lists after core-fcp and core-fca of February 2026: anything else is refused, PKCE by FranceConnect included.
"""
import json
from typing import NamedTuple

AUTHORIZE = {"client_id", "acr_values", "claims", "response_type", "nonce", "state", "redirect_uri", "scope",
             "prompt", "idp_hint", "ui_locales"}
AUTHORIZE_REQUIRED = ("client_id", "acr_values", "response_type", "nonce", "state", "redirect_uri", "scope")
TOKEN = {"grant_type", "code", "redirect_uri", "client_id", "client_secret"}
REVOCATION = {"token", "token_type_hint", "client_id", "client_secret"}
LOGOUT = {"id_token_hint", "state", "post_logout_redirect_uri", "client_id", "logout_hint", "ui_locales"}

ACR = "eidas1"  # the only level of FranceConnect; eidas2 and 3 belong to FranceConnect+
IDP = "demonstration"
CHALLENGE = 43  # characters of a SHA-256 in base64url (RFC 7636, 4.2)


class Accepted(NamedTuple):
    """What one provider takes. `code` is that of its page for a parameter it does not know."""

    authorize: frozenset
    required: tuple
    token: frozenset
    prompts: frozenset
    shortest_nonce: int     # characters
    code: str
    kept_claims: frozenset = frozenset()    # of the id_token, not granted to this client


FRANCECONNECT = Accepted(
    authorize=frozenset(AUTHORIZE), required=AUTHORIZE_REQUIRED, token=frozenset(TOKEN),
    prompts=frozenset({"login", "consent"}),    # none and select_account are refused
    shortest_nonce=22, code="Y030007", kept_claims=frozenset({"amr"}))
PROCONNECT = Accepted(
    authorize=FRANCECONNECT.authorize | {"response_mode", "login_hint", "siret_hint", "code_challenge",
                                         "code_challenge_method"},
    required=tuple(name for name in AUTHORIZE_REQUIRED if name != "acr_values"),
    token=FRANCECONNECT.token | {"code_verifier"}, prompts=FRANCECONNECT.prompts | {"none"},
    shortest_nonce=32, code="Y000400")


class Refused(Exception):
    """A page of the provider's own: the user never comes back to the client."""

    def __init__(self, code, detail, status=400):
        super().__init__(detail)
        self.code, self.detail, self.status = code, detail, status


class SentBack(Exception):
    """An error that travels back to the client's redirect_uri."""

    def __init__(self, error, description):
        super().__init__(description)
        self.error, self.description = error, description


class TokenRefused(Exception):
    """A JSON error, for the client's server."""

    def __init__(self, error, description, code, status=400):
        super().__init__(description)
        self.error, self.description, self.code, self.status = error, description, code, status


class Unexpected(Exception):
    """A parameter that is not on the list, or is there twice."""


def single_values(sent, allowed):
    """sent: a MultiDict; returns a dict. Errors: Unexpected."""
    for name, values in sent.lists():
        if name not in allowed:
            raise Unexpected(f"property {name} should not exist")
        if len(values) > 1:
            raise Unexpected(f"{name} must be a string")
    return sent.to_dict()


def authorize_request(sent, accepted, levels):
    """The parameters of /authorize as far as no client is concerned. Errors: Refused."""
    try:
        asked = single_values(sent, accepted.authorize)
    except Unexpected as error:
        raise Refused(accepted.code, str(error)) from error
    for name in accepted.required:
        if not asked.get(name):
            raise Refused(accepted.code, f"{name} should not be empty")
    _check_values(asked, accepted, levels)
    return asked


def check_reply(asked):
    """What is told to the client itself. Errors: SentBack."""
    if asked["response_type"] != "code":
        raise SentBack("unsupported_response_type", "unsupported response_type requested")
    if "openid" not in asked["scope"].split():
        raise SentBack("invalid_request", "openid scope must be requested for this response_type")
    if asked.get("idp_hint", IDP) != IDP:
        raise SentBack("invalid_idp_hint", "invalid idp_hint parameter")
    if asked.get("response_mode", "query") != "query":
        raise SentBack("invalid_request", "unsupported response_mode requested")
    if not _is_a_challenge(asked):
        raise SentBack("invalid_request", "code_challenge and code_challenge_method S256 go together")


def levels_wanted(asked):
    """Those of which the `claims` parameter says that one is essential; None where it does not."""
    acr = _id_token_claims(asked).get("acr") or {}
    return acr.get("values") if acr.get("essential") else None


def _is_a_challenge(asked):
    if not asked.keys() & {"code_challenge", "code_challenge_method"}:
        return True
    return asked.get("code_challenge_method") == "S256" and len(asked.get("code_challenge", "")) == CHALLENGE


def _check_values(asked, accepted, levels):
    if len(asked["nonce"]) < accepted.shortest_nonce:
        raise Refused(accepted.code, f"nonce must be longer than or equal to {accepted.shortest_nonce} characters")
    if "prompt" in asked and not (asked["prompt"] and set(asked["prompt"].split()) <= accepted.prompts):
        raise Refused(accepted.code, f"prompt must be among {sorted(accepted.prompts)}")
    if "acr_values" in asked and asked["acr_values"] not in levels:
        raise Refused("Y020002", "acr_values not supported")
    if _id_token_claims(asked).keys() & accepted.kept_claims:
        raise Refused("Y100009", "this claim is not granted to this client")


def _id_token_claims(asked):
    """What the `claims` parameter says of the id_token. Errors: Refused."""
    try:
        return json.loads(asked.get("claims", "{}")).get("id_token") or {}
    except (ValueError, AttributeError) as error:
        raise Refused("Y030028", "claims must be a JSON object", 500) from error
