"""`make run`: the whole of Maprocuration on one machine, and who to be in it.

Prepares the database (schema, communes, sample people), then keeps three processes going: the stand-ins of
FranceConnect and ProConnect with the mailbox page, the worker, the portal. They end together.
"""
import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PREFIX = "MAPROCURATION_"
GRACE = 10  # seconds left to a process to end by itself


def main():
    port = _options().port
    _prepare_environment(port)
    for number in (port, port + 1):
        _refuse_taken(number)
    password = _prepare_database()
    children = [_start(*command) for command in _commands(port)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        _wait_for(port, children)
        _say(port, password)
        _watch(children)
    except KeyboardInterrupt:
        print("\nArrêt.")
    finally:
        _stop(children)


def _options():
    parser = argparse.ArgumentParser("python -m demo", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=5000, help="the portal's; the stand-in takes the next one")
    return parser.parse_args()


def _prepare_environment(port):
    """What the processes must agree on; whatever is already set wins."""
    from demo import plus, proconnect
    for name, value in {
            **plus.client(f"http://localhost:{port + 1}"),
            **proconnect.client(f"http://localhost:{port + 1}"),
            "BASE_URL": f"http://localhost:{port}",
            "FRANCECONNECT_ISSUER": f"http://localhost:{port + 1}/api/v2",
            "FRANCECONNECT_CLIENT_ID": "maprocuration-demo",
            "MAIL_URL": "mailbox:var/courriels"}.items():
        os.environ.setdefault(PREFIX + name, value)
    os.environ.setdefault("FLASK_APP", "app")


def _refuse_taken(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            sys.exit(f"Le port {port} est déjà pris. Choisissez-en un autre : make run PORT=6000")


def _prepare_database():
    """Bring schema, communes and samples up to date; returns the password of the sample accounts."""
    from models import Commune, database
    from portal import commune_list, settings
    from portal.database import migrations, open_database
    from demo import samples
    configured = settings.use(settings.load())
    if configured.production:
        sys.exit("MAPROCURATION_ENV=production : la démonstration ne s’y lance pas.")
    os.environ.setdefault(PREFIX + "FRANCECONNECT_CLIENT_SECRET", configured.franceconnect_client_secret)
    open_database(configured.database_url)
    migrations().up()
    if not Commune.select().exists():
        print("Communes de France…", flush=True)
        commune_list.import_communes()
    password = samples.load()
    database.close()
    return password


def _commands(port):
    base_url = os.environ[PREFIX + "BASE_URL"]
    yield ("demo.standin", "--port", str(port + 1), "--portal", base_url)
    yield ("flask", "worker")
    yield ("waitress", "--host=127.0.0.1", f"--port={port}", "--threads=8", "--no-expose-tracebacks", "--call",
           "app:create_app")


def _start(*command):
    return subprocess.Popen([sys.executable, "-m", *command])


def _wait_for(port, children):
    """Until the portal answers."""
    while True:
        _check(children)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)


def _watch(children):
    while True:
        _check(children)
        time.sleep(1)


def _check(children):
    for child in children:
        if child.poll() is not None:
            sys.exit(f"« {' '.join(child.args[2:4])} » s’est arrêté (code {child.returncode}) : tout s’arrête.")


def _stop(children):
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            child.kill()


def _say(port, password):
    from demo import samples
    print(Path(__file__).with_name("bienvenue.txt").read_text().format(
        portal=f"http://localhost:{port}", standin=f"http://localhost:{port + 1}", password=password,
        domain=samples.DOMAIN), flush=True)


if __name__ == "__main__":
    main()
