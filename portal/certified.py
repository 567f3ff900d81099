"""An act without a visit, by the voter's certified digital identity (décret n° 2025-1059 du 3 novembre 2025).

The proof is a log-in at FranceConnect+, made for one act on one file a few minutes ago, by the person whose file it is.
It waits in the session for the voter's last word, serves once, and is kept with the act; no token is.
"""
import datetime

from models import UTC, Procuration, WebSession, now
from portal import journal, oidc, procedure, scrutins, settings, voters
from portal.database import transaction
from portal.decryption import Keys
from portal.errors import Refused

ACTS = ("etablir", "resilier")
LEVELS = ("eidas2", "eidas3")                   # substantial and high (règlement UE n° 910/2014, art. 8)
LIFE = datetime.timedelta(minutes=10)           # of a proof, from the moment the person gave it
# The register's identity beside the card's: FranceConnect gave us the register's too.
SCOPE = "openid identite_pivot rnipp_identite_pivot"


class SomebodyElse(Refused):
    """The person who proved who they are is not the voter of the file."""

    status = 403


class ProofMissing(Refused):
    """There is no proof for this act, or it is older than LIFE."""

    status = 409


def provider(configured):
    """FranceConnect+ and us, its second client; None where the settings name none."""
    if not configured.franceconnect_plus_issuer:
        return None
    return oidc.Provider(configured.franceconnect_plus_issuer, configured.franceconnect_plus_client_id,
                         configured.franceconnect_plus_client_secret, scope=SCOPE, acr=LEVELS[0], enough=LEVELS,
                         keys=Keys(configured.franceconnect_plus_key), recent=LIFE.total_seconds())


# --- Where it is accepted -------------------------------------------------------------------------------------------

def accepted_among(files):
    """Ids of those whose rules accept it, where the settings name FranceConnect+."""
    return scrutins.without_visit(files) if settings.active().franceconnect_plus_issuer else set()


# --- The proof ------------------------------------------------------------------------------------------------------

def keep(session, attempt, tokens):
    """Keep what `tokens` prove for the act that `attempt` aims at. Raises SomebodyElse, IdentityUnusable."""
    act, file = attempt.aim["act"], attempt.aim["file"]
    WebSession.update(certified_token=tokens.id_token).where(WebSession.login == session.login).execute()
    if not voters.is_same(session.voter, tokens.userinfo):
        journal.record(session.voter, "autre_identite", "procuration", file)
        raise SomebodyElse()
    proof = {"act": act, "file": file, "attempt": attempt.login, "evidence": _evidence(tokens)}
    with transaction():
        WebSession.update(certified=proof).where(WebSession.login == session.login).execute()
        journal.record(session.voter, "identite_certifiee", "procuration", file)


def _evidence(tokens):
    """What proves the act later: level, instants (seconds, ISO), issuer, the subject as its SHA-256."""
    kept = tokens.evidence
    return {"acr": kept["acr"], "auth_time": int(kept["auth_time"]), "issuer": kept["iss"], "sub": kept["sub"],
            "at_hash": kept["at_hash"], "at": now().isoformat(timespec="seconds")}


def answered(session, attempt):
    """Has the answer to `attempt` left its proof in the session, as it is in the database now?"""
    row = WebSession.get_or_none(WebSession.token_hash == session.token_hash)
    return bool(row and row.certified and row.certified["attempt"] == attempt.login)


def proof_of(session, act, file):
    """The evidence that still serves `act` on `file`, None where there is none."""
    proof = session.certified
    if not proof or (proof["act"], proof["file"]) != (act, file.id) or now() >= ends_at(proof["evidence"]):
        return None
    return proof["evidence"]


def ends_at(evidence):
    return datetime.datetime.fromtimestamp(evidence["auth_time"], UTC) + LIFE


# --- The act --------------------------------------------------------------------------------------------------------

def perform(session, act, file):
    """Establish the voter's request, or end the procuration, at once. Raises ProofMissing, AlreadyDecided, PollOver."""
    evidence = proof_of(session, act, file)
    if evidence is None:
        raise ProofMissing()
    with transaction():
        _spend(session)
        getattr(procedure, act)(file, session.voter, certified=evidence)


def _spend(session):
    """Once: of two clicks, one has the proof."""
    unspent = (WebSession.login == session.login) & WebSession.certified.is_null(False)
    if not WebSession.update(certified=None).where(unspent).execute():
        raise ProofMissing()


def done_by(voter, act, number):
    """Is `act` the last thing that happened to the file, and the voter's own doing? A second click is no error."""
    last = procedure.last_passage(Procuration.get_by_id(number))
    return (last.act, last.role) == (act, voter.role)
