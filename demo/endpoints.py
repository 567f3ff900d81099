"""The addresses of the stand-in FranceConnect: what a client's server asks, what a browser opens."""
import hmac
import uuid
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, current_app, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.local import LocalProxy

from demo import parameters, tokens
from demo.grants import InvalidGrant, NoSuchInteraction
from demo.parameters import Refused, SentBack, TokenRefused, Unexpected

ERRORS_PAGE = "https://docs.partenaires.franceconnect.gouv.fr/fs/fs-technique/fs-technique-erreurs/"

bp = Blueprint("franceconnect", __name__, url_prefix="/api/v2")
faults = Blueprint("faults", __name__)
provider = LocalProxy(lambda: current_app.extensions["franceconnect"])


# What the client's server asks

@bp.before_request
def break_down():
    """Plays the outage that was asked for."""
    endpoint = request.endpoint.rpartition(".")[2]
    provider.seen.append((request.method, endpoint))
    if provider.fault == f"{endpoint}_500":
        return jsonify(error="server_error"), 500
    if provider.fault == f"{endpoint}_html":
        return render_template("franceconnect/maintenance.html")
    if provider.fault == f"{endpoint}_hangs":
        provider.hang()


@bp.get("/.well-known/openid-configuration")
def discovery():
    """As the real one, which advertises more than it accepts: HS256, PKCE."""
    issuer = provider.issuer
    return _kept_ten_minutes({
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "end_session_endpoint": f"{issuer}/session/end",
        "revocation_endpoint": f"{issuer}/token/revocation",
        "acr_values_supported": list(provider.levels),
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": True,
        "claims_supported": sorted({claim for claims in provider.claims_of_scope.values() for claim in claims}),
        "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": ["authorization_code"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256", "HS256"],
        "userinfo_signing_alg_values_supported": ["ES256", "RS256", "HS256"],
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "response_modes_supported": ["query"],
        "response_types_supported": ["code"],
        "scopes_supported": list(provider.claims_of_scope),
        "subject_types_supported": [provider.subject_type],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        **provider.encryption,
    })


@bp.get("/jwks")
def jwks():
    return _kept_ten_minutes(provider.keys.public())


@bp.post("/token")
def token():
    sent = _client_parameters(provider.accepted.token)
    if sent.get("grant_type") != "authorization_code":
        raise TokenRefused("unsupported_grant_type", "unsupported grant_type requested", "Y040001")
    grant = provider.ledger.redeem(sent.get("code"), sent["client_id"], sent.get("redirect_uri"),
                                   sent.get("code_verifier"))
    answer = {"access_token": grant.access_token, "expires_in": provider.ledger.token_life,
              "id_token": provider.id_token(grant), "scope": grant.request["scope"], "token_type": "Bearer"}
    if provider.fault == "no_id_token":
        del answer["id_token"]
    return jsonify(answer)


@bp.get("/userinfo")
def userinfo():
    scheme, _, access_token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or request.args:
        raise TokenRefused("invalid_request", "no access token provided", "Y040001")
    grant = provider.ledger.grant_of(access_token)
    if provider.fault == "unsigned_userinfo":
        return jsonify(provider.userinfo_claims(grant))
    return provider.userinfo(grant), {"Content-Type": "application/jwt; charset=utf-8"}


@bp.post("/token/revocation")
def revocation():
    provider.ledger.revoke(_client_parameters(parameters.REVOCATION).get("token"))
    return ""


# What the user's browser opens

@bp.route("/authorize", methods=["GET", "POST"])
def authorize():
    asked = parameters.authorize_request(request.values, provider.accepted, provider.levels)
    if asked["client_id"] != provider.client_id:
        raise Refused("Y04EA6EF", "client is invalid")
    if asked["redirect_uri"] not in provider.redirect_uris:
        raise Refused("Y04C013C", "redirect_uri did not match any of the client's registered redirect_uris")
    try:
        parameters.check_reply(asked)
    except SentBack as error:
        return _back(asked, error=error.error, error_description=error.description)
    browser = provider.ledger.browser(request.cookies.get(provider.cookie))
    if asked.get("prompt") == "none" and not browser.login:
        return _back(asked, error="login_required", error_description="End-User authentication is required")
    interaction = provider.ledger.begin(browser, asked)
    return _remember(browser, redirect(url_for(".choice", uid=interaction.uid), 303))


@bp.get("/interaction/<uid>")
def choice(uid):
    interaction = provider.ledger.interaction(uid, request.cookies.get(provider.cookie))
    current = _known(interaction)
    if current and not provider.consent:
        return _with_code(interaction)
    if provider.identity_provider and not current:
        asked = {"uid": uid, "csrf": interaction.csrf}
        return redirect(_with_query(f"{provider.identity_provider}/identite", asked), 303)
    return render_template("franceconnect/choice.html", interaction=interaction, current=current,
                           identities=provider.identities.values(), levels=provider.offered)


@bp.post("/interaction/<uid>")
def chosen(uid):
    """login=… chooses somebody, level=… how well they prove it; action is continuer, changer or annuler."""
    return _answered(uid, request.form)


@bp.get("/interaction/<uid>/identite")
def identified(uid):
    """The way back from the identity provider, with the same fields."""
    return _answered(uid, request.args)


def _answered(uid, sent):
    interaction = provider.ledger.interaction(uid, request.cookies.get(provider.cookie))
    if not hmac.compare_digest(sent.get("csrf", "").encode(), interaction.csrf.encode()):
        raise Refused("Y190004", "this form was not sent by its own page", 409)
    if sent.get("login") in provider.identities:
        provider.ledger.log_in(interaction.browser, sent["login"], provider.level_of(sent["login"], sent.get("level")))
        return _with_code(interaction)
    return _act(sent.get("action"), interaction)


@bp.route("/session/end", methods=["GET", "POST"])
def session_end():
    """An expired id_token is good enough; the state comes back untouched."""
    sent = _logout_parameters()
    browser = provider.ledger.browser(request.cookies.get(provider.cookie))
    provider.ledger.log_out(browser)
    if "post_logout_redirect_uri" not in sent:
        return render_template("franceconnect/logged_out.html")
    if provider.identity_provider:
        return redirect(_with_query(f"{provider.identity_provider}/fin", _after_log_out(sent)), 303)
    return session_ended()


@bp.get("/session/ended")
def session_ended():
    """Back to the client, by way of the identity provider where there is one."""
    sent = _after_log_out(request.values)
    if sent.get("post_logout_redirect_uri") not in provider.post_logout_redirect_uris:
        raise Refused("Y040001", "post_logout_redirect_uri not registered")
    return redirect(_with_query(sent.pop("post_logout_redirect_uri"), sent), 303)


def _after_log_out(sent):
    return {name: sent[name] for name in ("post_logout_redirect_uri", "state") if name in sent}


def _act(action, interaction):
    if action == "annuler":
        return _back(interaction.request, error="access_denied", error_description="User auth aborted")
    if action == "continuer" and _known(interaction):
        return _with_code(interaction)
    if action == "changer":
        provider.ledger.log_out(interaction.browser)
    return redirect(url_for(".choice", uid=interaction.uid), 303)


def _known(interaction):
    """Who is logged in and need not say it again: the single sign-on."""
    anew = "login" in interaction.request.get("prompt", "").split() and not provider.consent
    return provider.identities.get(interaction.browser.login) if provider.single_sign_on and not anew else None


def _with_code(interaction):
    if not provider.satisfied(interaction):
        provider.ledger.log_out(interaction.browser)
        return _back(interaction.request, error="access_denied",
                     error_description="requested ACRs could not be satisfied")
    code = provider.ledger.give_code(interaction)
    return _remember(interaction.browser, _back(interaction.request, code=code))


def _back(asked, **answer):
    query = {**answer, "state": asked["state"], **provider.callback_iss()}
    return redirect(_with_query(asked["redirect_uri"], query), 303)


def _with_query(uri, query):
    return uri + ("&" if urlsplit(uri).query else "?") * bool(query) + urlencode(query)


def _remember(browser, response):
    response.set_cookie(provider.cookie, browser.cookie, httponly=True, samesite="Lax",
                        secure=provider.base_url.startswith("https:"))
    return response


def _logout_parameters():
    try:
        sent = parameters.single_values(request.values, parameters.LOGOUT)
        hint = provider.keys.read(sent.get("id_token_hint", ""))
    except (Unexpected, tokens.InvalidHint) as error:
        raise Refused("Y040001", f"logout: {error}") from error
    if "at_hash" not in hint:
        raise Refused("Y000019", "Missing at_hash claim in id_token_hint")
    if hint.get("aud") != provider.client_id or sent.get("client_id", hint["aud"]) != hint["aud"]:
        raise Refused("Y040001", "client_id does not match the provided id_token_hint")
    if sent.get("post_logout_redirect_uri", None) not in {None, *provider.post_logout_redirect_uris}:
        raise Refused("Y040001", "post_logout_redirect_uri not registered")
    return sent


def _client_parameters(allowed):
    """Parameters of a client that proved who it is, by client_secret_post only. Errors: TokenRefused."""
    try:
        sent = parameters.single_values(request.form, allowed)
    except Unexpected as error:
        raise TokenRefused("invalid_request", str(error), "Y040001") from error
    if request.args:
        raise TokenRefused("invalid_request", "parameters belong in the body", "Y040001")
    if not _is_the_client(sent):
        raise TokenRefused("invalid_client", "client authentication failed", "Y04EA6EF", 401)
    return sent


def _is_the_client(sent):
    proof = f"{sent.get('client_id')} {sent.get('client_secret')}".encode()
    expected = f"{provider.client_id} {provider.client_secret}".encode()
    return hmac.compare_digest(proof, expected) and "Authorization" not in request.headers


def _kept_ten_minutes(document):
    answer = jsonify(document)
    answer.headers["Cache-Control"] = "public, max-age=600"
    return answer


@bp.errorhandler(Refused)
def refused(error):
    return render_template("franceconnect/error.html", error=error, id=uuid.uuid4()), error.status


@bp.errorhandler(NoSuchInteraction)
def expired(error):
    return refused(Refused("Y190001", "session not found", 401))


@bp.errorhandler(InvalidGrant)
def invalid_grant(error):
    if request.endpoint == "franceconnect.userinfo":
        return token_refused(TokenRefused("invalid_token", str(error), "Y040001", 401))
    return token_refused(TokenRefused("invalid_grant", f"grant request is invalid ({error})", "Y040001"))


@bp.errorhandler(TokenRefused)
def token_refused(error):
    answer = make_response({
        "error": error.error,
        "error_description": error.description,
        "error_uri": f"{ERRORS_PAGE}?{urlencode({'code': error.code, 'id': uuid.uuid4()})}",
    }, error.status)
    if error.error == "invalid_token":
        answer.headers["WWW-Authenticate"] = f'Bearer realm="{provider.issuer}", error="invalid_token"'
    return answer


@faults.post("/__faults")
def plant():
    """fault= one of FAULTS, or nothing to mend; seconds=; rotate=1, withdraw=1 for the keys."""
    if request.form.get("rotate"):
        provider.rotate_keys(withdraw=bool(request.form.get("withdraw")))
    provider.seconds = float(request.form.get("seconds", provider.seconds))
    try:
        provider.fault = request.form.get("fault") or None
    except ValueError as error:
        return jsonify(error=str(error)), 422
    return jsonify(fault=provider.fault, seconds=provider.seconds)
