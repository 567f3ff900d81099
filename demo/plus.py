"""The stand-in of FranceConnect+: stronger levels, identities as cards bear them, answers encrypted for its client.

It forgets who logged in before: each proof of identity is a new one.
"""
import secrets
import unicodedata
from pathlib import Path

import requests
from joserfc import jwe
from joserfc.jwk import ECKey, KeySet

from demo import tokens
from demo.identities import CLAIMS_OF_SCOPE
from demo.provider import FAULTS, Provider

CONTENT = "A256GCM"
LEVELS = ("eidas2", "eidas3")
PIVOT = ("given_name", "given_name_array", "family_name", "birthdate", "gender", "birthplace", "birthcountry")
# Faults of the envelope: there is none, it is for somebody else, not as agreed, or torn.
ID_TOKEN_ENVELOPES = ("not_encrypted", "foreign_encryption", "other_encryption", "torn_envelope")
USERINFO_ENVELOPES = tuple(f"userinfo_{fault}" for fault in ID_TOKEN_ENVELOPES)
WRONG_CLAIMS = {"stale": {"auth_time": 1_600_000_000}, "no_auth_time": {"auth_time": None}}


class PlusProvider(Provider):
    """`client_keys` is the address of the client's JWK set, or that set itself: the first key is encrypted for."""

    cookie = "demo_franceconnect_plus"
    levels = LEVELS
    offered = (*LEVELS[::-1], "eidas1")  # the weak one is there to be refused by the client
    single_sign_on = False
    faults = FAULTS | {*ID_TOKEN_ENVELOPES, *USERINFO_ENVELOPES, *WRONG_CLAIMS}
    wrong_claims = {**tokens.WRONG_CLAIMS, **WRONG_CLAIMS}
    claims_of_scope = {**CLAIMS_OF_SCOPE, "rnipp_identite_pivot": (*PIVOT, *(f"rnipp_{claim}" for claim in PIVOT))}
    encryption = {f"{token}_encryption_{part}_values_supported": values for token in ("id_token", "userinfo")
                  for part, values in (("alg", ["ECDH-ES", "RSA-OAEP"]), ("enc", [CONTENT]))}

    def __init__(self, *client, client_keys, session_life=600, **options):
        super().__init__(*client, session_life=session_life, **options)
        self.client_keys = client_keys

    def claims_about(self, identity):
        """The register's claims have names of their own; the plain ones are those of the card: capitals, no accents,
        the birth date as it is known."""
        register = identity.claims()
        card = {**register, "family_name": plain(identity.family_name or "").upper(),
                "given_name": plain(identity.given_name), "birthdate": identity.idp_birthdate}
        return {**card, **{f"rnipp_{claim}": register.get(claim) for claim in PIVOT}}

    def id_token(self, grant):
        return self.sealed(super().id_token(grant), ID_TOKEN_ENVELOPES)

    def userinfo(self, grant):
        return self.sealed(super().userinfo(grant), USERINFO_ENVELOPES)

    def sealed(self, token, faults):
        """The signed token in its envelope, or in a wrong one."""
        fault = self.fault.removeprefix("userinfo_") if self.fault in faults else None
        if fault == "not_encrypted":
            return token
        key = tokens.for_encryption(ECKey.generate_key("P-256")) if fault == "foreign_encryption" else self.client_key()
        content = "A128GCM" if fault == "other_encryption" else CONTENT
        header = {"alg": "ECDH-ES" if key.key_type == "EC" else "RSA-OAEP", "enc": content, "cty": "JWT",
                  "kid": self.client_key().kid}
        sealed = jwe.encrypt_compact(header, token, key, algorithms=[header["alg"], content])
        return sealed[:-8] + "AAAAAAAA" if fault == "torn_envelope" else sealed

    def client_key(self):
        """What the client publishes now."""
        keys = self.client_keys
        return KeySet.import_key_set(requests.get(keys, timeout=5).json() if isinstance(keys, str) else keys).keys[0]


def plain(name):
    """Without accents, as some cards and passports bear names."""
    return "".join(letter for letter in unicodedata.normalize("NFD", name) if not unicodedata.combining(letter))


def client(standin, folder=Path("var")):
    """The settings of the demonstration's second client, by their names; what is secret is drawn once."""
    return {"FRANCECONNECT_PLUS_ISSUER": f"{standin}/plus/api/v2",
            "FRANCECONNECT_PLUS_CLIENT_ID": "maprocuration-demo-plus",
            "FRANCECONNECT_PLUS_CLIENT_SECRET": kept(folder / "franceconnect_plus_client_secret",
                                                     lambda: secrets.token_hex(32)),
            "FRANCECONNECT_PLUS_KEY": kept(folder / "franceconnect_plus_key.pem",
                                           lambda: ECKey.generate_key("P-256").as_pem(private=True).decode())}


def kept(path, draw):
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(draw())
    return path.read_text()
