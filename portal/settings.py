"""Settings: environment variables MAPROCURATION_… or a .env file. An unknown or unusable one stops the start; so does,
in production, an unsafe one. What only the database can tell is in `portal.fitness`."""
import ipaddress
import os
import secrets
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from dotenv import dotenv_values
from flask.helpers import get_debug_flag

from portal.decryption import Keys, UnusableKey

PREFIX = "MAPROCURATION_"
ENVIRONMENTS = ("demo", "production")
SECRETS = ("secret_key", "journal_key")
CLIENT = ("issuer", "client_id", "client_secret")
PROVIDERS = ("franceconnect", "franceconnect_plus", "proconnect")
SHORTEST_SECRET = 32  # characters
FEWEST_CHARACTERS = 10  # different ones in a secret: 32 drawn hexadecimal digits have fewer once in 10 000
WIDEST = {4: 8, 6: 7}        # bits, by IP version, of a network that many people share: a private one has as few
SAMPLES = ("0123456789", "abcdefgh", "azerty", "change", "example", "exemple", "insecure", "motdepasse", "passw",
           "qwerty", "sample", "secret")    # of secrets, copied from a guide
ENCRYPTED = ("require", "verify-ca", "verify-full")     # what sslmode may be (ASVS 12.3.1)
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class UnusableSetting(SystemExit):
    """Stops the process with a sentence that names the variable."""


@dataclass(frozen=True)
class Settings:
    """One field per variable of README's table; defaults suit the demonstration on one machine."""

    env: str = "demo"
    database_url: str = "sqlite:///var/maprocuration.db"
    sqlite_allowed: str = ""         # yes: in production too
    secret_key: str = ""
    journal_key: str = ""
    journal_anchors: str = ""        # file:path, syslog: or syslog://host:port; empty: none
    base_url: str = "http://localhost:5000"
    trusted_hosts: str = ""          # separated by commas
    proxies: int = None              # how many trusted proxies stand before the portal; 0 has to be said too
    mail_url: str = "mailbox:var/courriels"
    mail_from: str = "Maprocuration <ne-pas-repondre@maprocuration.example>"
    franceconnect_issuer: str = "http://localhost:5001/api/v2"
    franceconnect_client_id: str = "maprocuration-demo"
    franceconnect_client_secret: str = ""
    franceconnect_plus_issuer: str = ""      # these four together: procurations without a visit, décret 2025-1059
    franceconnect_plus_client_id: str = ""
    franceconnect_plus_client_secret: str = ""
    franceconnect_plus_key: str = ""         # private: a PEM, a JWK, or the path of a file with one
    proconnect_issuer: str = ""              # these three together: agents come in by ProConnect
    proconnect_client_id: str = ""
    proconnect_client_secret: str = ""
    shared_networks: str = ""        # CIDR, separated by commas: no limit by address within them
    requests_per_minute: int = 300   # of one address
    theme_dir: str = ""
    longest_period_years: int = 1            # R. 74
    longest_period_abroad_years: int = 3     # R. 74, acts established outside France; to be confirmed
    request_months: int = 2                  # arrêté du 31 mars 2021: life of a request nobody presented
    retention_years: int = 1                 # arrêté du 31 mars 2021: after the last day covered
    journal_years: int = 1                   # CNIL, délibération 2021-122
    mail_days: int = 30

    @property
    def production(self):
        return self.env == "production"

    @property
    def hosts(self):
        return _listed(self.trusted_hosts) or [urlsplit(self.base_url).hostname, *(() if self.production else LOOPBACK)]


NUMBERS = {field.name for field in fields(Settings) if field.type is int}


def load(environ=None, strict=True):
    """Settings from `environ` (the process's own and `.env` by default). Raises UnusableSetting with a line a fault;
    where not `strict`, not for those that are unsafe only: see `refuse_unsafe`."""
    environ = environment() if environ is None else environ
    given = {name.removeprefix(PREFIX).lower(): value for name, value in environ.items() if name.startswith(PREFIX)}
    unknown = set(given) - {field.name for field in fields(Settings)}
    if unknown:
        raise UnusableSetting(f"{PREFIX}{min(unknown).upper()}: unknown setting; the README lists those that exist")
    settings = Settings(**{name: _typed(name, value) for name, value in given.items()})
    if settings.env not in ENVIRONMENTS:
        raise UnusableSetting(f"{PREFIX}ENV: “{settings.env}” is neither demo nor production")
    settings = settings if settings.production else _with_demo_settings(settings)
    if any(_unusable(settings)) or strict:
        _stop(faults(settings))
    return settings


def environment():
    """The variables of this process, and those of `.env` that it does not set."""
    return {**dotenv_values(".env"), **os.environ}


def refuse_unsafe():
    """Raises UnusableSetting in production where the settings in use are unsafe. For commands that write: the
    application was assembled for them without that question, which some come to answer."""
    _stop(faults(active()))


def _stop(found):
    if found:
        raise UnusableSetting("\n".join(found))


def _typed(name, value):
    if name not in NUMBERS:
        return value
    if not (value.isascii() and value.isdigit() and len(value) < 7):
        raise UnusableSetting(f"{PREFIX}{name.upper()}: a number is expected, not “{value}”")
    return int(value)


def _with_demo_settings(settings):
    """The demonstration draws its secrets once and keeps them, and its anchors, beside its database, out of the
    repository."""
    missing = {name: _kept_secret(name) for name in (*SECRETS, "franceconnect_client_secret")
               if not getattr(settings, name)}
    return Settings(**{**settings.__dict__, **missing,
                       "journal_anchors": settings.journal_anchors or "file:var/ancres.jsonl"})


def _kept_secret(name):
    path = Path("var") / name
    path.parent.mkdir(exist_ok=True)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    return path.read_text()


def faults(settings):
    """Sentences, one per reason not to start, each beginning with the variable at fault. Empty: fit to start."""
    found = list(_unusable(settings))
    return found + list(_unsafe(settings)) if settings.production else found


def production_faults():
    """What would keep the settings in use from starting in production."""
    demo = [] if active().production else [f"{PREFIX}ENV: “{active().env}” is not production"]
    return demo + list(_unusable(active())) + list(_unsafe(active()))


def _unusable(settings):
    if not settings.database_url.startswith(("sqlite:///", "postgresql://")):
        yield f"{PREFIX}DATABASE_URL: sqlite:///file or postgresql://… is expected"
    if settings.sqlite_allowed not in ("", "yes", "no"):
        yield f"{PREFIX}SQLITE_ALLOWED: yes or no is expected"
    if not _is_place_of_anchors(settings.journal_anchors):
        yield f"{PREFIX}JOURNAL_ANCHORS: file:/path, syslog: or syslog://host:port is expected"
    if not _is_address(settings.base_url, "http", "https"):
        yield f"{PREFIX}BASE_URL: the address people type is expected, such as https://maprocuration.example"
    if not _is_address(settings.franceconnect_issuer, "http", "https"):
        yield f"{PREFIX}FRANCECONNECT_ISSUER: the provider's address is expected, as its discovery document names it"
    yield from _unusable_client(settings, "franceconnect_plus", (*CLIENT, "key"))
    yield from _unusable_client(settings, "proconnect", CLIENT)
    if settings.franceconnect_plus_key and not _is_key(settings.franceconnect_plus_key):
        yield f"{PREFIX}FRANCECONNECT_PLUS_KEY: a private key, EC or RSA, or the path of a file with one is expected"
    if not (settings.mail_url.startswith("mailbox:") or _is_address(settings.mail_url, "smtp", "smtp+starttls")):
        yield f"{PREFIX}MAIL_URL: smtp+starttls://user:password@host:587, smtp://host or mailbox:folder is expected"
    if not _are_networks(settings.shared_networks):
        yield f"{PREFIX}SHARED_NETWORKS: networks are expected, such as 10.0.0.0/8,2001:db8::/32"
    if settings.theme_dir and not (Path(settings.theme_dir) / "dsfr.min.css").is_file():
        yield f"{PREFIX}THEME_DIR: a folder with the design system's dsfr.min.css is expected"


def _unusable_client(settings, provider, parts):
    """All of them or none: half a provider would promise a way that leads nowhere."""
    missing = [part for part in parts if not getattr(settings, f"{provider}_{part}")]
    if len(missing) == len(parts):
        return
    prefix = f"{PREFIX}{provider.upper()}_"
    for part in missing:
        yield f"{prefix}{part.upper()}: missing, though another {prefix}… is set"
    if not _is_address(getattr(settings, f"{provider}_issuer"), "http", "https"):
        yield f"{prefix}ISSUER: the provider's address is expected, as its discovery names it"


def _is_key(text):
    try:
        return bool(Keys(text))
    except UnusableKey:
        return False


def _is_address(url, *schemes):
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that are none
        return False


def _is_place_of_anchors(text):
    if text.startswith("file:"):
        return bool(Path(text.removeprefix("file:")).name)
    return text in ("", "syslog:") or _is_address(text, "syslog")


def _are_networks(text):
    try:
        networks(text)
        return True
    except ValueError:
        return False


@cache
def networks(text):
    """Those that a setting names. Raises ValueError."""
    return [ipaddress.ip_network(name) for name in _listed(text)]


def _listed(text):
    return [part.strip() for part in text.split(",") if part.strip()]


# --- Unsafe in production -------------------------------------------------------------------------------------------

def _unsafe(settings):
    yield from _unsafe_secrets(settings)
    yield from _unsafe_addresses(settings)
    yield from _unsafe_providers(settings)
    yield from _unsafe_database(settings)
    if get_debug_flag():
        yield "FLASK_DEBUG: the debugger runs code that visitors send"
    if settings.mail_url.startswith("mailbox:"):
        yield f"{PREFIX}MAIL_URL: mail must reach people in production"
    if _is_address(settings.mail_url, "smtp") and not is_loopback(_host(settings.mail_url)):
        yield f"{PREFIX}MAIL_URL: mails would go in the clear to another host; smtp+starttls:// is required"
    if not settings.journal_anchors:
        yield f"{PREFIX}JOURNAL_ANCHORS: file:/path or syslog: is required, out of the database's reach"


def _unsafe_secrets(settings):
    for name in SECRETS:
        secret = getattr(settings, name)
        if len(secret) < SHORTEST_SECRET:
            yield f"{PREFIX}{name.upper()}: missing or shorter than {SHORTEST_SECRET} characters"
        elif is_guessable(secret):
            yield f"{PREFIX}{name.upper()}: it repeats itself or was copied from somewhere; draw one at random"
    if settings.journal_key and settings.journal_key == settings.secret_key:
        yield f"{PREFIX}JOURNAL_KEY: the same as SECRET_KEY; who learns one must not learn the other"


def is_guessable(secret):
    """Few different characters, one pattern again and again, or words of a guide."""
    return (len(set(secret)) < FEWEST_CHARACTERS or secret in (secret * 2)[1:-1]
            or any(sample in secret.lower() for sample in SAMPLES))


def _unsafe_addresses(settings):
    if not settings.base_url.startswith("https://"):
        yield f"{PREFIX}BASE_URL: https is required in production"
    elif is_loopback(_host(settings.base_url)):
        yield f"{PREFIX}BASE_URL: links in mails would lead to the reader's own machine"
    if not settings.trusted_hosts:
        yield f"{PREFIX}TRUSTED_HOSTS: the host names served are required in production"
    if settings.proxies is None:
        yield f"{PREFIX}PROXIES: say how many trusted proxies stand before the portal, 0 where none does"
    if _are_networks(settings.shared_networks) and _spare_too_many(settings.shared_networks):
        yield f"{PREFIX}SHARED_NETWORKS: a network as wide as a country would leave next to nobody under a limit"


def _spare_too_many(text):
    """Networks are well-formed here: what is unusable was said before."""
    return any(network.prefixlen < WIDEST[network.version] for network in networks(text))


def _unsafe_providers(settings):
    for name in PROVIDERS:
        issuer, secret = getattr(settings, f"{name}_issuer"), getattr(settings, f"{name}_client_secret")
        if issuer and (not issuer.startswith("https://") or is_loopback(_host(issuer))):
            yield f"{PREFIX}{name.upper()}_ISSUER: the stand-in or a plain http provider is refused in production"
        if issuer and len(secret) < SHORTEST_SECRET:
            yield f"{PREFIX}{name.upper()}_CLIENT_SECRET: missing or shorter than {SHORTEST_SECRET} characters"


def _unsafe_database(settings):
    if settings.database_url.startswith("sqlite") and settings.sqlite_allowed != "yes":
        yield (f"{PREFIX}DATABASE_URL: PostgreSQL is required in production; {PREFIX}SQLITE_ALLOWED=yes takes SQLite, "
               "for one machine, without the second wall around each commune")
    if settings.database_url.startswith("postgresql") and not _is_encrypted(settings.database_url):
        yield f"{PREFIX}DATABASE_URL: another host than this one needs sslmode=verify-full (or verify-ca, require)"


def _is_encrypted(url):
    """Or without any network: a socket, this machine."""
    asked = parse_qs(url.partition("?")[2])
    hosts = asked.get("host", [_host(url)])
    return asked.get("sslmode", [""])[-1] in ENCRYPTED or all(
        not host or host.startswith("/") or is_loopback(host) for host in hosts)


def _host(url):
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # no address at all: said elsewhere
        return ""


def is_loopback(host):
    """Is it this very machine, by name or by address?"""
    host = host.rstrip(".").lower()
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


_active = None


def use(settings):
    """Make `settings` those of this process; returns them."""
    global _active
    _active = settings
    return settings


def active():
    """The settings in use; loads them the first time."""
    return _active or use(load())
