"""The look: our theme, the official files in its place, and the page that shows every component."""
import re

import pytest

from app import create_app
from models import Role, Status
from portal import theme
from portal.settings import Settings
from tests.factories import an_agent, log_in
from tests.test_templates_look import ROOT

SHEET = re.compile(r'<link rel="stylesheet" href="([^"?]+)[^"]*">')


@pytest.fixture
def official(settings, tmp_path):
    """The portal of an operator who owns the official files."""
    folder = tmp_path / "dist"
    (folder / "utility").mkdir(parents=True)
    for name in theme.OFFICIAL:
        (folder / name).write_text(":root { --official: 1 }")
    (tmp_path / "secret.txt").write_text("not a style")
    app = create_app(Settings(**{**settings.__dict__, "theme_dir": str(folder)}))
    app.testing = True
    return app.test_client()


def sheets(client):
    return SHEET.findall(client.get("/connexion").text)


def test_our_theme_then_our_components(client):
    assert sheets(client) == ["/static/theme.css", "/static/portal.css"]


def test_the_official_files_take_the_theme_s_place_and_our_components_stay(official):
    assert sheets(official) == ["/theme/dsfr.min.css", "/theme/utility/utility.min.css", "/static/official.css",
                                "/static/portal.css"]
    assert [official.get(sheet).status_code for sheet in sheets(official)] == [200] * 4


@pytest.mark.parametrize("path", ["../secret.txt", "%2e%2e/secret.txt", "nothing.css", ""])
def test_nothing_but_the_theme_s_folder_is_served(official, path):
    assert official.get(f"/theme/{path}").status_code == 404


def test_the_official_colours_bear_the_names_of_ours():
    declared = [set(re.findall(r"(--[a-z-]+):", (ROOT / "static" / name).read_text().split("}")[0]))
                for name in ("theme.css", "official.css")]
    assert declared[0] - declared[1] == set()


def test_components_use_the_theme_s_colours_only():
    """A colour written out would stay the same in the dark, and under the official files."""
    sheets = [(ROOT / "static" / name).read_text() for name in ("portal.css", "back_office.css")]
    rules = [line for sheet in sheets for line in sheet.splitlines()
             if not line.startswith((".mark", ".hero__"))]  # drawings, the same by day and by night
    assert [line for line in rules if re.search(r"#[0-9a-f]{3,8}\b", line)] == []


def test_the_style_page_shows_every_state_to_the_ministry_alone(client):
    log_in(client, agent=an_agent(Role.MINISTRY))
    page = client.get("/admin/style/").text
    assert page.count('class="fr-badge') >= len(Status)
    log_in(client, agent=an_agent(Role.COMMUNE))
    assert client.get("/admin/style/").status_code == 404
