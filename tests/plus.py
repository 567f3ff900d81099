"""The second FranceConnect of the tests: our key, its settings, and a voter's whole way through it."""
from joserfc.jwk import ECKey

from portal.decryption import Keys

SECRET = "p" * 64
KEY = ECKey.generate_key("P-256").as_pem(private=True).decode()
CLIENT = "maprocuration-demo-plus"


def settings_of(issuer):
    """Those of the portal, for a provider at `issuer`."""
    return {"franceconnect_plus_issuer": issuer, "franceconnect_plus_client_id": CLIENT,
            "franceconnect_plus_client_secret": SECRET, "franceconnect_plus_key": KEY}


def published():
    return Keys(KEY).published()
