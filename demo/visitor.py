"""Somebody at the stand-in FranceConnect, in a browser without JavaScript: for tests of the portal."""
import re
from urllib.parse import urljoin

import requests


class Visitor:
    """Keeps the provider's cookie from one log-in to the next, as a browser does.

    Each act takes the address of /authorize and returns the one that the provider sends the browser back to.
    """

    def __init__(self):
        self.browser = requests.Session()

    def chooses(self, authorize_url, login):
        return self._answers(authorize_url, login=login)

    def proves(self, authorize_url, login, level):
        """At FranceConnect+, where the level of the proof is chosen too."""
        return self._answers(authorize_url, login=login, level=level)

    def continues(self, authorize_url):
        return self._answers(authorize_url, action="continuer")

    def cancels(self, authorize_url):
        return self._answers(authorize_url, action="annuler")

    def passes(self, authorize_url):
        """The same where nothing is asked of who is logged in already; None where something is."""
        page = self.browser.get(authorize_url, allow_redirects=False, timeout=10)
        choice = self.browser.get(urljoin(page.url, page.headers["Location"]), allow_redirects=False, timeout=10)
        return choice.headers.get("Location")

    def opens(self, authorize_url):
        """The page that asks who this is, or the answer when there is none."""
        return self.browser.get(authorize_url, timeout=10)

    def _answers(self, authorize_url, **fields):
        page = self.opens(authorize_url)
        csrf = re.search(r'name="csrf" value="([^"]+)"', page.text).group(1)
        answer = self.browser.post(page.url, {"csrf": csrf, **fields}, allow_redirects=False, timeout=10)
        return answer.headers["Location"]
