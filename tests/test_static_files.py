"""Files are fetched once a release, and compressed; what changes has another address."""
import gzip
import re

import pytest

from portal.static_files import YEAR, fingerprints
from tests.engines import ONE_ENGINE


def linked(client, path):
    return re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get(path).text)


@ONE_ENGINE
def test_every_file_of_a_page_is_kept_for_a_year_under_its_version(client):
    files = linked(client, "/") + linked(client, "/connexion") + linked(client, "/nulle-part")
    assert len(files) > 8 and all("?v=" in file for file in files)
    lives = {file: client.get(file).cache_control.max_age for file in files}
    assert lives == dict.fromkeys(files, YEAR)


@ONE_ENGINE
@pytest.mark.parametrize("version", ["", "?v=", "?v=0123456789ab", "?v=None"])
def test_under_another_address_it_is_asked_for_each_time(client, version):
    answer = client.get(f"/static/theme.css{version}")
    assert answer.headers["Cache-Control"] == "no-cache"
    again = {"If-None-Match": answer.headers["ETag"]}
    assert client.get(f"/static/theme.css{version}", headers=again).status_code == 304


@ONE_ENGINE
def test_it_is_compressed_for_who_can_read_it(client):
    plain, packed = (client.get("/static/theme.css", headers={"Accept-Encoding": way}) for way in ("", "gzip"))
    assert gzip.decompress(packed.data) == plain.data and len(packed.data) < len(plain.data) / 2
    assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in packed.headers["Vary"] and "Accept-Encoding" in plain.headers["Vary"]
    again = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
    assert client.get("/static/theme.css", headers=again).status_code == 304


@ONE_ENGINE
def test_pages_hold_secrets_and_are_not_compressed(client):
    assert "Content-Encoding" not in client.get("/", headers={"Accept-Encoding": "gzip"}).headers


def test_a_fingerprint_follows_the_content(tmp_path):
    (tmp_path / "a.css").write_text("a")
    (tmp_path / "b.css").write_text("b")
    assert fingerprints(tmp_path)["a.css"] != fingerprints(tmp_path)["b.css"]
