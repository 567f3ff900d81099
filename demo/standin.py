"""`python -m demo.standin`: the stand-in FranceConnect and, beside it, the page of the mails the demonstration sent."""
import argparse
from urllib.parse import urlsplit

import waitress
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from demo.franceconnect import create_provider
from demo.mailbox import create_mailbox
from portal.settings import load, use


def main():
    options = _options()
    settings = use(load())
    provider = create_provider(
        settings.franceconnect_issuer.removesuffix("/api/v2"), settings.franceconnect_client_id,
        settings.franceconnect_client_secret, [f"{options.portal}/franceconnect/retour"], [f"{options.portal}/"],
        key_file="var/franceconnect.pem")
    mailbox = create_mailbox(urlsplit(settings.mail_url).path)
    waitress.serve(DispatcherMiddleware(provider, {"/courriels": mailbox}), host="127.0.0.1", port=options.port,
                   threads=8, ident=None)


def _options():
    parser = argparse.ArgumentParser("python -m demo.standin", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--portal", default="http://localhost:5000", help="the portal's address, as browsers see it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
