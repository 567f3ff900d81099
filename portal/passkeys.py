"""Agents' passkeys (WebAuthn level 2): a key that never leaves its device, and a person whom the device recognised. Two
factors in one, which no imitation of our pages can collect: a passkey answers to our address only.

`webauthn` reads the answers and checks signatures; what it leaves to its callers is checked here, see
`docs/adr/0010-passkeys.md`. A browser keeps its challenge, sealed for one purpose, and each is answered once.
"""
import datetime
import secrets
from contextlib import suppress
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from peewee import IntegrityError
from webauthn import (generate_authentication_options, generate_registration_options, options_to_json,
                      verify_authentication_response, verify_registration_response)
from webauthn.helpers import (base64url_to_bytes, bytes_to_base64url, decode_credential_public_key,
                              decoded_public_key_to_cryptography, parse_authentication_credential_json,
                              parse_client_data_json, parse_registration_credential_json, verify_signature)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (AuthenticatorSelectionCriteria, PublicKeyCredentialDescriptor,
                                      ResidentKeyRequirement, UserVerificationRequirement)

from models import Agent, Passkey, SingleUse, now
from portal import accounts, journal, sealed, settings
from portal.database import hold, transaction
from portal.errors import NotYours, Refused
from portal.single_use import digest

SERVICE = "Maprocuration"
MOST = 10                                           # of one agent
LIFE_OF_A_CHALLENGE = datetime.timedelta(minutes=5)
LONGEST_NAME = 60                                   # characters
LONGEST_ANSWER = 20_000                             # characters of JSON: the largest sound ones take a quarter of it
LOG_IN = "log_in"
ALGORITHMS = [COSEAlgorithmIdentifier.ECDSA_SHA_256, COSEAlgorithmIdentifier.EDDSA,
              COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256]
VERIFIED = UserVerificationRequirement.REQUIRED     # a code, a finger, a face: the second of the two factors
MAIL = "cle_d_acces"


class ChallengeOver(Refused):
    """Too old, answered already, or another browser's."""

    status = 400


class PasskeyUnusable(Refused):
    """What the device made cannot serve here."""


class PasskeyRefused(Refused):
    """The answer of a device proves nothing."""


class PasskeyUnknown(Refused):
    """It was removed, or was never one of ours."""


class PasskeyOfAnother(Refused):
    """Sound, and yet of another account than the one that is asked for it."""


class PasskeyDoubtful(Refused):
    """Its counter went back: there may be two of it."""


class PasskeyKnown(Refused):
    """The same one cannot be added twice."""

    status = 409


class TooManyPasskeys(Refused):
    status = 409


# --- An agent's own -------------------------------------------------------------------------------------------------

def of(agent):
    """The passkeys of an agent, the oldest first."""
    return list(Passkey.select().where(Passkey.agent == agent.id).order_by(Passkey.id))


def has(agent):
    return Passkey.select().where(Passkey.agent == agent.id).exists()


def one_of(agent, number):
    """Raises NotYours."""
    passkey = Passkey.get_or_none(Passkey.id == number, Passkey.agent == agent.id)
    if not passkey:
        raise NotYours()
    return passkey


def named(typed):
    """A name as it is kept: one line, nothing invisible in it."""
    seen = "".join(sign for sign in typed or "" if sign.isspace() or sign.isprintable())
    return " ".join(seen.split())[:LONGEST_NAME]


def rename(passkey, name):
    Passkey.update(name=name).where(Passkey.id == passkey.id).execute()


def remove(agent, passkey):
    """It opens nothing any more, whatever the device still offers."""
    with transaction():
        if Passkey.delete().where(Passkey.id == passkey.id, Passkey.agent == agent.id).execute():
            _tell(agent, "retirer_cle")


def forget(agent):
    """All of them, with the second factor they stand for. In the transaction of the caller, who tells."""
    Passkey.delete().where(Passkey.agent == agent.id).execute()


def _tell(agent, act):
    """In the transaction of the caller. The mail names no key: whoever added one would choose its words."""
    accounts.tell(agent, MAIL, added=act == "ajouter_cle")
    journal.record(agent, act, "agent", agent.id)


# --- Challenges -----------------------------------------------------------------------------------------------------

def _challenge(purpose):
    """What the browser keeps, and the challenge itself. Nothing is written: pages are asked for by anybody."""
    challenge = secrets.token_bytes(32)
    return sealed.seal(f"passkey {purpose}", challenge.hex()), challenge


def _spend(purpose, kept):
    """The challenge, once. Raises ChallengeOver."""
    try:
        challenge = sealed.unseal(f"passkey {purpose}", kept, LIFE_OF_A_CHALLENGE)
        with transaction():
            SingleUse.create(hash=digest(f"passkey|{challenge}"), kind="passkey", subject=purpose,
                             expires_at=now() + LIFE_OF_A_CHALLENGE, used_at=now())
    except (sealed.Unreadable, IntegrityError) as error:
        raise ChallengeOver() from error
    return bytes.fromhex(challenge)


def origin():
    """Of the address people type: all that a passkey made here ever answers to."""
    address = urlsplit(settings.active().base_url)
    return f"{address.scheme}://{address.netloc}"


def rp_id():
    return urlsplit(settings.active().base_url).hostname


def handle(agent):
    """By which a device knows the account: 32 bytes that say nothing else of it."""
    return bytes.fromhex(sealed.derived("passkey", str(agent.id)))


def _expected(challenge):
    return {"expected_challenge": challenge, "expected_rp_id": rp_id(), "expected_origin": origin(),
            "require_user_verification": True}


def _read(parse, answer):
    """An answer in parts. Raises ValueError where it is none, or was given inside somebody else's page."""
    credential = parse(answer[:LONGEST_ANSWER])
    if parse_client_data_json(credential.response.client_data_json).cross_origin:
        raise ValueError("answered in a frame")
    return credential


# --- Registration ---------------------------------------------------------------------------------------------------

def begin_registration(agent):
    """What the browser keeps, and the options of `navigator.credentials.create`, JSON. Raises TooManyPasskeys."""
    check_room(agent)
    kept, challenge = _challenge(_registration_of(agent))
    options = generate_registration_options(
        rp_id=rp_id(), rp_name=SERVICE, user_id=handle(agent), user_name=agent.email, user_display_name=agent.name,
        challenge=challenge, timeout=_milliseconds(LIFE_OF_A_CHALLENGE), supported_pub_key_algs=ALGORITHMS,
        exclude_credentials=[PublicKeyCredentialDescriptor(base64url_to_bytes(one.credential)) for one in of(agent)],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=VERIFIED))
    return kept, options_to_json(options)


def finish_registration(agent, kept, answer, name):
    """The new passkey of `agent`. Raises ChallengeOver, PasskeyUnusable, PasskeyKnown, TooManyPasskeys."""
    made = _made(_spend(_registration_of(agent), kept), answer)
    with transaction():
        hold(f"passkeys|{agent.id}")
        check_room(agent)
        passkey = _kept(agent, made, name)
        _tell(agent, "ajouter_cle")
        return passkey


def _registration_of(agent):
    return f"register {agent.id}"


def check_room(agent):
    """Raises TooManyPasskeys."""
    if len(of(agent)) >= MOST:
        raise TooManyPasskeys(most=MOST)


def _milliseconds(life):
    return int(life.total_seconds() * 1000)


def _made(challenge, answer):
    """The library names some of the faults a hostile answer holds, and trips over others: each is a refusal."""
    try:
        credential = _read(parse_registration_credential_json, answer)
        made = verify_registration_response(credential=credential, supported_pub_key_algs=ALGORITHMS,
                                            **_expected(challenge))
        _check_key(made.credential_public_key)
        return made
    except Exception as error:
        raise PasskeyUnusable() from error


def _check_key(public_key):
    """Whatever stops a signature from being compared under it, off its curve or not of its algorithm."""
    key = decode_credential_public_key(public_key)
    with suppress(InvalidSignature):
        verify_signature(public_key=decoded_public_key_to_cryptography(key), signature_alg=key.alg, signature=b"",
                         data=b"")


def _kept(agent, made, name):
    try:
        with transaction():
            return Passkey.create(agent=agent.id, name=name, sign_count=made.sign_count,
                                  credential=bytes_to_base64url(made.credential_id),
                                  public_key=bytes_to_base64url(made.credential_public_key))
    except IntegrityError as error:
        raise PasskeyKnown() from error


# --- Log-in and other proofs ----------------------------------------------------------------------------------------

def begin_log_in(purpose=LOG_IN):
    """What the browser keeps, and the options of `navigator.credentials.get`, JSON. No account is named: the device
    offers those it knows."""
    kept, challenge = _challenge(purpose)
    options = generate_authentication_options(rp_id=rp_id(), challenge=challenge, user_verification=VERIFIED,
                                              timeout=_milliseconds(LIFE_OF_A_CHALLENGE))
    return kept, options_to_json(options)


def finish_log_in(kept, answer, awaited=None):
    """The agent whose passkey answered, `awaited` where one account only will do. Raises ChallengeOver, PasskeyRefused,
    PasskeyUnknown, PasskeyOfAnother, PasskeyDoubtful, AccountSuspended, DelegationOver."""
    return _proved(LOG_IN, kept, answer, awaited)


def begin_proof(agent):
    """The same for who is in and proves it anew, see `portal.step_up`."""
    return begin_log_in(_proof_of(agent))


def finish_proof(agent, kept, answer):
    """Raises what `finish_log_in` raises."""
    _proved(_proof_of(agent), kept, answer, agent)


def _proof_of(agent):
    return f"proof {agent.id}"


def _proved(purpose, kept, answer, awaited):
    challenge = _spend(purpose, kept)
    credential = _answered(answer)
    passkey = _known(credential)
    count = _verified(passkey, credential, challenge)
    if awaited and passkey.agent != awaited:
        raise PasskeyOfAnother()
    accounts.check_open(passkey.agent)
    _count_on(passkey, count)
    return passkey.agent


def _answered(answer):
    try:
        return _read(parse_authentication_credential_json, answer)
    except Exception as error:
        raise PasskeyRefused() from error


def _known(credential):
    """The row of a passkey and its agent. Raises PasskeyUnknown."""
    passkey = (Passkey.select(Passkey, Agent).join(Agent)
               .where(Passkey.credential == bytes_to_base64url(credential.raw_id)).get_or_none())
    if not passkey:
        raise PasskeyUnknown()
    return passkey


def _verified(passkey, credential, challenge):
    """The counter of a true answer. It is compared afterwards: only who has the key may raise that alarm."""
    try:
        if not secrets.compare_digest(credential.response.user_handle or b"", handle(passkey.agent)):
            raise ValueError("another account's")
        return verify_authentication_response(
            credential=credential, credential_public_key=base64url_to_bytes(passkey.public_key),
            credential_current_sign_count=0, **_expected(challenge)).new_sign_count
    except Exception as error:
        raise PasskeyRefused() from error


def _count_on(passkey, count):
    """Counters grow; synchronised passkeys count nothing and say 0 for ever. Raises PasskeyDoubtful."""
    follows = Passkey.sign_count < count if count else Passkey.sign_count == 0
    if not Passkey.update(sign_count=count, used_at=now()).where(Passkey.id == passkey.id, follows).execute():
        journal.record(passkey.agent, "cle_douteuse", "agent", passkey.agent.id)
        raise PasskeyDoubtful()
