"""What an agent works with: the browser and the system in two words that its owner knows, and whether the account was
opened there before."""
import re
import secrets

from portal import sealed

LIFE = 365 * 24 * 3600      # seconds, since the last log-in: a known browser is forgotten then

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


def remembered(email):
    """What a browser keeps once the account of this address was opened in it. It opens nothing."""
    draw = secrets.token_urlsafe(16)
    return f"{draw}.{sealed.derived('device', f'{draw} {email}')}"


def recognised(kept, email):
    """A name of that browser; None where it keeps nothing of ours for this address."""
    draw, _, mac = kept.partition(".")
    known = secrets.compare_digest(mac.encode(), sealed.derived("device", f"{draw} {email}").encode())
    return draw if known else None


def _first(known, user_agent):
    return next((name for pattern, name in known if re.search(pattern, user_agent)), "")
