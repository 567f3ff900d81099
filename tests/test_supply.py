"""What the portal is made of: no version below the one that mended what was found, each file known by its hash."""
import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEAST = {  # and why
    "flask": "3.1.3",           # CVE-2026-27205: Vary: Cookie; TRUSTED_HOSTS
    "werkzeug": "3.0.6",        # CVE-2024-49767: multipart forms, CVE-2024-34069: debugger
    "authlib": "1.6.11",        # CVE-2026-28802: alg none, CVE-2026-28498: at_hash, CVE-2025-68158: state
    "waitress": "3.0.1",        # CVE-2024-49768, CVE-2024-49769
    "flask-admin": "2.0.2",     # CVE-2018-16516: script in names; nonces since 2.0
    "jinja2": "3.1.6",          # CVE-2025-27516: sandbox
    "aiosmtpd": "1.4.6",        # CVE-2024-27305: smuggled mails, CVE-2024-34083 (tests)
}
LOCKS = ("requirements.txt", "requirements-dev.txt")


def locked(name):
    """{package: version} of a lock file."""
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", (ROOT / name).read_text(), re.MULTILINE))


def numbers(text):
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


@pytest.mark.parametrize("package", LEAST)
def test_no_version_with_a_known_fault_is_locked_or_installed(package):
    found = {version(package), *(locked(name)[package] for name in LOCKS if package in locked(name))}
    assert len(found) > 0 and min(map(numbers, found)) >= numbers(LEAST[package])


def test_every_locked_package_of_the_portal_is_installed_as_locked():
    """As `make run` installs it, but for other systems' packages."""
    off = {name: wanted for name, wanted in locked("requirements.txt").items()
           if name != "typing-extensions" and version(name) != wanted}
    assert not off, "run `make lock`, or install requirements.txt again"


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_place_to_fetch_from_and_a_hash_for_each_package(name):
    text = (ROOT / name).read_text()
    assert "://" not in text and "--index-url" not in text
    packages = re.split(r"^(?=[a-z0-9._-]+==)", text, flags=re.MULTILINE)[1:]
    assert packages and all("--hash=sha256:" in package for package in packages)


def test_the_bill_of_materials_lists_what_is_locked(tmp_path):
    subprocess.run([sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible", "--of", "JSON",
                    "-o", tmp_path / "sbom.json", ROOT / "requirements.txt"], check=True, timeout=60)
    bill = json.loads((tmp_path / "sbom.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert {part["name"]: part["version"] for part in bill["components"]} == locked("requirements.txt")
