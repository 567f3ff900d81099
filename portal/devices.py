"""The browser and the system a session runs on, in two words that its owner knows."""
import re

BROWSERS = (  # the first that is named wins: most of them also say Chrome, and all of those Safari
    ("Edg", "Edge"), ("OPR/|Opera", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox|FxiOS", "Firefox"),
    ("Chrome|Chromium|CriOS", "Chrome"), ("Safari", "Safari"),
)
SYSTEMS = (
    ("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"),
    ("Macintosh|Mac OS", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)


def device(user_agent):
    """Such as "Firefox, Windows"; empty when neither is known. Nothing else of what a browser says is kept."""
    return ", ".join(filter(None, (_first(BROWSERS, user_agent), _first(SYSTEMS, user_agent))))


def _first(known, user_agent):
    return next((name for pattern, name in known if re.search(pattern, user_agent)), "")
