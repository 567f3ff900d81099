"""The ProConnect of the tests: its settings, and an agent's whole way through it."""
from demo.proconnect import ProConnectProvider

SECRET = "a" * 64
CLIENT = "maprocuration-demo-pro"
KIND = {"kind": ProConnectProvider}


def settings_of(issuer):
    """Those of the portal, for a provider at `issuer`."""
    return {"proconnect_issuer": issuer, "proconnect_client_id": CLIENT, "proconnect_client_secret": SECRET}
