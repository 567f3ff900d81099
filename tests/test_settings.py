"""Settings: what stops a start, by name; `flask check` says the same. What the database tells is in test_fitness."""
import dataclasses
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from portal import cli, settings
from portal.settings import PREFIX, Settings, UnusableSetting, load, use
from tests.engines import ONE_ENGINE

ROOT = Path(__file__).parent.parent
SECRET, JOURNAL, CLIENT = (digits * 4 for digits in ("8f3a91c05e7db264", "c41d7e90b25f8a36", "5b0e92d7f14c6a83"))
SAFE = {"MAPROCURATION_" + name: value for name, value in {
    "ENV": "production", "DATABASE_URL": "postgresql://portail@bdd/maprocuration?sslmode=verify-full",
    "SECRET_KEY": f"{SECRET}a7", "JOURNAL_KEY": f"{JOURNAL}a7", "JOURNAL_ANCHORS": "syslog:", "PROXIES": "1",
    "BASE_URL": "https://maprocuration.example", "TRUSTED_HOSTS": "maprocuration.example",
    "MAIL_URL": "smtp+starttls://portail:mot@courrier.example:587", "FRANCECONNECT_CLIENT_SECRET": CLIENT,
    "FRANCECONNECT_ISSUER": "https://fournisseur.example/api/v2"}.items()}
PROCONNECT = {"MAPROCURATION_PROCONNECT_" + name: value for name, value in {
    "ISSUER": "https://agents.example/api/v2", "CLIENT_ID": "portail", "CLIENT_SECRET": CLIENT}.items()}
UNSET = None
UNUSABLE = [
    ("ENV", "prod"), ("BASE_URL", "maprocuration.example"), ("BASE_URL", "https://[::1"),
    ("DATABASE_URL", "mysql://bdd"), ("MAIL_URL", "ftp://courrier"), ("MAIL_URL", "smtp://"), ("PROXIES", "deux"),
    ("PROXIES", ""),
    ("FRANCECONNECT_ISSUER", "fc"), ("THEME_DIR", "/nowhere"), ("COULEUR", "bleu"), ("SQLITE_ALLOWED", "peut-être"),
    ("JOURNAL_ANCHORS", "ancres.jsonl"), ("JOURNAL_ANCHORS", "file:"), ("JOURNAL_ANCHORS", "syslog://"),
    ("SHARED_NETWORKS", "mairie")]
UNSAFE = [
    ("SECRET_KEY", UNSET), ("SECRET_KEY", "court"), ("SECRET_KEY", "s" * 64), ("SECRET_KEY", "abcdef01" * 8),
    ("SECRET_KEY", SECRET), ("SECRET_KEY", "change-me-before-production-9f8e7d"),
    ("SECRET_KEY", "0123456789abcdefghijkl-9f8e7d6c5b"),
    ("JOURNAL_KEY", UNSET), ("JOURNAL_KEY", "j" * 64), ("JOURNAL_KEY", SAFE["MAPROCURATION_SECRET_KEY"]),
    ("JOURNAL_ANCHORS", UNSET),
    ("FRANCECONNECT_CLIENT_SECRET", UNSET), ("FRANCECONNECT_CLIENT_SECRET", "court"),
    ("FRANCECONNECT_ISSUER", UNSET), ("FRANCECONNECT_ISSUER", "http://localhost:5001/api/v2"),
    ("FRANCECONNECT_ISSUER", "https://localhost:5001/api/v2"), ("FRANCECONNECT_ISSUER", "https://127.0.0.2/api/v2"),
    ("FRANCECONNECT_ISSUER", "https://[::1]/api/v2"), ("FRANCECONNECT_ISSUER", "http://fournisseur.example/api/v2"),
    ("PROCONNECT_ISSUER", "http://agents.example/api/v2"), ("PROCONNECT_ISSUER", "https://localhost:5001/api/v2"),
    ("PROCONNECT_CLIENT_SECRET", "court"),
    ("BASE_URL", UNSET), ("BASE_URL", "http://maprocuration.example"), ("BASE_URL", "https://localhost"),
    ("BASE_URL", "https://127.0.0.1:8443"), ("TRUSTED_HOSTS", UNSET), ("PROXIES", UNSET),
    ("SHARED_NETWORKS", "0.0.0.0/0"), ("SHARED_NETWORKS", "10.0.0.0/8, ::/0"), ("SHARED_NETWORKS", "2000::/3"),
    ("DATABASE_URL", UNSET), ("DATABASE_URL", "sqlite:///var/maprocuration.db"),
    ("DATABASE_URL", "postgresql://portail@bdd/maprocuration"),
    ("DATABASE_URL", "postgresql://portail@bdd/maprocuration?sslmode=prefer"),
    ("DATABASE_URL", "postgresql:///maprocuration?host=10.0.0.7"),
    ("MAIL_URL", UNSET), ("MAIL_URL", "mailbox:var"), ("MAIL_URL", "smtp://courrier.example")]


def changed(name, value):
    """The safe environment but for one variable."""
    base = {**SAFE, **PROCONNECT} if name.startswith("PROCONNECT") else SAFE
    return {known: text for known, text in {**base, PREFIX + name: value}.items() if text is not UNSET}


def says(answer):
    """The variables that lines are about."""
    return {line.partition(":")[0].removeprefix(PREFIX) for line in answer.splitlines()}


def checks():
    return CliRunner().invoke(cli.check)


@pytest.mark.parametrize("change", [
    {}, PROCONNECT, {"MAPROCURATION_DATABASE_URL": "sqlite:///var/p.db", "MAPROCURATION_SQLITE_ALLOWED": "yes"},
    {"MAPROCURATION_DATABASE_URL": "postgresql://portail@127.0.0.1/maprocuration"},
    {"MAPROCURATION_DATABASE_URL": "postgresql:///maprocuration?host=/run/postgresql"},
    {"MAPROCURATION_MAIL_URL": "smtp://localhost:25"}, {"MAPROCURATION_PROXIES": "0"},
    {"MAPROCURATION_SHARED_NETWORKS": "10.0.0.0/8, fc00::/7"},
    {"MAPROCURATION_JOURNAL_ANCHORS": "file:/srv/ancres.jsonl"},
    {"MAPROCURATION_JOURNAL_ANCHORS": "syslog://journaux.example:514"}])
def test_a_safe_production_starts(change):
    assert load({**SAFE, **change}).production


@pytest.mark.parametrize("name, value", UNUSABLE + UNSAFE)
def test_an_unusable_or_unsafe_setting_stops_the_start_and_is_named(name, value):
    with pytest.raises(UnusableSetting) as refusal:
        load(changed(name, value))
    assert says(str(refusal.value)) == {name}


@ONE_ENGINE
@pytest.mark.parametrize("name, value", UNSAFE)
def test_flask_check_says_the_same(db, name, value):
    use(load(changed(name, value), strict=False))
    answer = checks()
    assert (answer.exit_code, says(answer.output)) == (1, {name})


@ONE_ENGINE
def test_flask_check_has_nothing_to_say_of_a_safe_production(db):
    use(load(SAFE))
    answer = checks()
    assert (answer.exit_code, answer.output) == (0, "")


@ONE_ENGINE
def test_flask_check_says_each_fault_in_one_line(db):
    environ = {name: value for name, value in SAFE.items() if "KEY" not in name and "PROXIES" not in name}
    use(load(environ, strict=False))
    assert says(checks().output) == {"SECRET_KEY", "JOURNAL_KEY", "PROXIES"}
    assert len(checks().output.splitlines()) == 3


@ONE_ENGINE
def test_the_demonstration_is_no_production(db, settings):
    assert "ENV" in says(checks().output)


def test_a_start_names_every_fault_at_once():
    with pytest.raises(UnusableSetting) as refusal:
        load({"MAPROCURATION_ENV": "production"})
    assert says(str(refusal.value)) == {
        "SECRET_KEY", "JOURNAL_KEY", "JOURNAL_ANCHORS", "BASE_URL", "TRUSTED_HOSTS", "PROXIES", "DATABASE_URL",
        "MAIL_URL", "FRANCECONNECT_ISSUER", "FRANCECONNECT_CLIENT_SECRET"}


def test_the_debugger_stops_the_start(monkeypatch):
    monkeypatch.setenv("FLASK_DEBUG", "1")
    with pytest.raises(UnusableSetting, match="^FLASK_DEBUG:"):
        load(SAFE)


def test_commands_that_write_refuse_what_servers_refuse():
    use(load(changed("JOURNAL_KEY", UNSET), strict=False))
    for group in (cli.agents, cli.towns, cli.registers, cli.trail, cli.works):
        assert CliRunner().invoke(group, [next(iter(group.commands))]).exit_code == 1
    use(load(SAFE))
    settings.refuse_unsafe()


def test_drawn_secrets_are_taken():
    for draw in (settings.secrets.token_hex, settings.secrets.token_urlsafe):
        assert not any(settings.is_guessable(draw(32)) for _ in range(200))


def test_the_demonstration_draws_its_secrets_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = load({}), load({})
    assert first == second and len(first.secret_key) == 64 and first.secret_key != first.journal_key
    assert (tmp_path / "var" / "secret_key").stat().st_mode & 0o077 == 0
    assert first.journal_anchors == "file:var/ancres.jsonl"


def test_no_secret_is_a_default():
    assert not any(getattr(Settings(), name) for name in ("secret_key", "journal_key", "franceconnect_client_secret"))


def test_the_readme_lists_every_setting_and_no_other():
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"[A-Z_]+", row)]
    assert sorted(listed) == sorted(field.name.upper() for field in dataclasses.fields(Settings))
