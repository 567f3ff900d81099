"""A real browser: Debian's Chromium driven by Playwright. Where there is none, one line says so."""
import os
import shutil
from contextlib import contextmanager

import pytest
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
REQUIRED = os.environ.get("TEST_BROWSER") == "required"
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync")
PHONE, SCREEN = {"width": 390, "height": 844}, {"width": 1280, "height": 900}

needs_chromium = pytest.mark.skipif(not CHROMIUM and not REQUIRED,
                                    reason="Chromium is not installed: the journeys in a browser were not run")


@contextmanager
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield browser
        browser.close()
