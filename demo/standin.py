"""`python -m demo.standin`: the stand-ins of FranceConnect, FranceConnect+ and ProConnect, and the page of the mails
sent."""
import argparse
from urllib.parse import urlsplit

import waitress
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from demo.franceconnect import create_provider
from demo.mailbox import create_mailbox
from demo.plus import PlusProvider
from demo.proconnect import ProConnectProvider
from portal.settings import load, use


def main():
    options = _options()
    settings = use(load())
    provider = create_provider(
        settings.franceconnect_issuer.removesuffix("/api/v2"), settings.franceconnect_client_id,
        settings.franceconnect_client_secret, [f"{options.portal}/franceconnect/retour"], [f"{options.portal}/"],
        key_file="var/franceconnect.pem")
    beside = {"/courriels": create_mailbox(urlsplit(settings.mail_url).path)}
    if settings.franceconnect_plus_issuer:
        beside["/plus"] = _plus(settings, options.portal)
    if settings.proconnect_issuer:
        beside["/pro"] = _pro(settings, options.portal)
    waitress.serve(DispatcherMiddleware(provider, beside), host="127.0.0.1", port=options.port, threads=8, ident=None)


def _plus(settings, portal):
    return create_provider(
        settings.franceconnect_plus_issuer.removesuffix("/api/v2"), settings.franceconnect_plus_client_id,
        settings.franceconnect_plus_client_secret, [f"{portal}/franceconnect/retour-certifie"],
        [f"{portal}/deconnexion/suite"], kind=PlusProvider, key_file="var/franceconnect_plus.pem",
        client_keys=f"{portal}/franceconnect/cles")


def _pro(settings, portal):
    return create_provider(
        settings.proconnect_issuer.removesuffix("/api/v2"), settings.proconnect_client_id,
        settings.proconnect_client_secret, [f"{portal}/proconnect/retour"], [f"{portal}/connexion"],
        kind=ProConnectProvider, key_file="var/proconnect.pem")


def _options():
    parser = argparse.ArgumentParser("python -m demo.standin", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--portal", default="http://localhost:5000", help="the portal's address, as browsers see it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
