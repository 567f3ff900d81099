"""The parameters FranceConnect v2 accepts at each address, and its three ways of refusing.

Lists after core-fcp of February 2026: anything else is refused, PKCE included.
"""
import json

AUTHORIZE = {"client_id", "acr_values", "claims", "response_type", "nonce", "state", "redirect_uri", "scope",
             "prompt", "idp_hint", "ui_locales"}
AUTHORIZE_REQUIRED = ("client_id", "acr_values", "response_type", "nonce", "state", "redirect_uri", "scope")
TOKEN = {"grant_type", "code", "redirect_uri", "client_id", "client_secret"}
REVOCATION = {"token", "token_type_hint", "client_id", "client_secret"}
LOGOUT = {"id_token_hint", "state", "post_logout_redirect_uri", "client_id", "logout_hint", "ui_locales"}

PROMPTS = {"login", "consent"}  # none and select_account are refused
SHORTEST_NONCE = 22  # characters
ACR = "eidas1"  # the only level of FranceConnect; eidas2 and 3 belong to FranceConnect+
IDP = "demonstration"


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


def authorize_request(sent, levels=(ACR,)):
    """The parameters of /authorize as far as no client is concerned. Errors: Refused."""
    try:
        asked = single_values(sent, AUTHORIZE)
    except Unexpected as error:
        raise Refused("Y030007", str(error)) from error
    for name in AUTHORIZE_REQUIRED:
        if not asked.get(name):
            raise Refused("Y030007", f"{name} should not be empty")
    _check_values(asked, levels)
    return asked


def check_reply(asked):
    """What is told to the client itself. Errors: SentBack."""
    if asked["response_type"] != "code":
        raise SentBack("unsupported_response_type", "unsupported response_type requested")
    if "openid" not in asked["scope"].split():
        raise SentBack("invalid_request", "openid scope must be requested for this response_type")
    if asked.get("idp_hint", IDP) != IDP:
        raise SentBack("invalid_idp_hint", "invalid idp_hint parameter")


def _check_values(asked, levels):
    if len(asked["nonce"]) < SHORTEST_NONCE:
        raise Refused("Y030007", f"nonce must be longer than or equal to {SHORTEST_NONCE} characters")
    if "prompt" in asked and not (asked["prompt"] and set(asked["prompt"].split()) <= PROMPTS):
        raise Refused("Y030007", "prompt must be login or consent")
    if asked["acr_values"] not in levels:
        raise Refused("Y020002", "acr_values not supported")
    if "claims" in asked:
        _check_claims(asked["claims"])


def _check_claims(claims):
    try:
        id_token = json.loads(claims).get("id_token") or {}
    except (ValueError, AttributeError) as error:
        raise Refused("Y030028", "claims must be a JSON object", 500) from error
    if "amr" in id_token:
        raise Refused("Y100009", "the amr claim is not granted to this client")
