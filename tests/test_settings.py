"""Settings: what stops a start, by name."""
import pytest

from portal.settings import Settings, UnusableSetting, load

SAFE = {"MAPROCURATION_" + name: value for name, value in {
    "ENV": "production", "DATABASE_URL": "postgresql://portail@bdd/maprocuration", "SECRET_KEY": "s" * 64,
    "JOURNAL_KEY": "j" * 64, "BASE_URL": "https://maprocuration.example", "TRUSTED_HOSTS": "maprocuration.example",
    "MAIL_URL": "smtp+starttls://portail:secret@courrier.example:587", "FRANCECONNECT_CLIENT_SECRET": "c" * 64,
    "FRANCECONNECT_ISSUER": "https://fournisseur.example/api/v2"}.items()}


def test_a_safe_production_starts():
    assert load(SAFE).production


@pytest.mark.parametrize("name, value", [
    ("ENV", "prod"), ("SECRET_KEY", ""), ("SECRET_KEY", "court"), ("JOURNAL_KEY", ""),
    ("FRANCECONNECT_CLIENT_SECRET", ""),
    ("BASE_URL", "http://maprocuration.example"), ("BASE_URL", "maprocuration.example"), ("TRUSTED_HOSTS", ""),
    ("DATABASE_URL", "sqlite:///var/maprocuration.db"), ("DATABASE_URL", "mysql://bdd"), ("MAIL_URL", "mailbox:var"),
    ("MAIL_URL", "ftp://courrier"), ("MAIL_URL", "smtp://"), ("BASE_URL", "https://[::1"), ("PROXIES", "deux"),
    ("FRANCECONNECT_ISSUER", "fc"), ("FRANCECONNECT_ISSUER", "http://localhost:5001/api/v2"),
    ("THEME_DIR", "/nowhere"), ("COULEUR", "bleu")])
def test_an_unusable_or_unsafe_setting_stops_the_start_and_is_named(name, value):
    with pytest.raises(UnusableSetting, match=f"MAPROCURATION_{name}"):
        load({**SAFE, f"MAPROCURATION_{name}": value})


def test_the_demonstration_draws_its_secrets_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = load({}), load({})
    assert first == second and len(first.secret_key) == 64 and first.secret_key != first.journal_key
    assert (tmp_path / "var" / "secret_key").stat().st_mode & 0o077 == 0


def test_no_secret_is_a_default():
    assert not any(getattr(Settings(), name) for name in ("secret_key", "journal_key", "franceconnect_client_secret"))
