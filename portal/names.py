"""Names of people: which are acceptable, and the one normal form under which they are compared."""
import re
import unicodedata

LONGEST = 100             # characters, typed names; FranceConnect's are stored as received
LONGEST_WORD = 60
MOST_WORDS = 6            # of a search: a hundred are more than a database takes
LONGEST_READ = 1000       # characters: to put accents in order takes the square of their number
SIGNS = " '’ʼ-‐‑.,()"
SITE = re.compile(r"[/:@\\]|\bwww\.|\w\.\w\w", re.IGNORECASE)      # J.-P. and St. Jean are none
LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "đ": "d", "ł": "l"})


def tidy(text):
    """NFC, single spaces, none around. What is longer than LONGEST_READ is cut: no field takes as much."""
    return " ".join(unicodedata.normalize("NFC", text[:LONGEST_READ]).split())


def fault(name):
    """Why a typed name is not acceptable: `too_long`, `site`, `characters`, `no_letter`; None when it is.

    Latin letters only: look-alikes of other alphabets would make one person two.
    """
    if len(name) > LONGEST or len(fold(name)) > LONGEST:  # a ligature counts its letters: keys have a size
        return "too_long"
    if leads_to_a_site(name):
        return "site"
    if not all(_acceptable(character) for character in name):
        return "characters"
    return None if any(character.isalpha() for character in name) else "no_letter"


def leads_to_a_site(text):
    """Would a mail program make a link of it? Names stand in our mails, and must invite nobody anywhere."""
    return bool(SITE.search(text))


def _acceptable(character):
    category = unicodedata.category(character)
    if category.startswith("L"):
        return unicodedata.name(character, "").startswith("LATIN")
    return category in ("Mn", "Nd") or character in SIGNS


def fold(text):
    """Upper-case words without accents, hyphens, apostrophes or ligatures, separated by single spaces."""
    plain = unicodedata.normalize("NFKD", text[:LONGEST_READ].casefold().translate(LIGATURES))
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return " ".join(re.sub(r"[\W_]+", " ", plain).split()).upper()


def person_key(birth_name, first_names, birth_date):
    """Under what two namings are the same person: birth name, all first names, birth date (YYYY-MM-DD, 00 allowed).

    Words are joined: DE LA TOUR, de Latour and DELATOUR are one name.
    """
    return "|".join((fold(birth_name).replace(" ", ""), fold(first_names).replace(" ", ""), birth_date))


def words(*names):
    """The distinct folded words of `names`, as the search knows them."""
    return {word[:LONGEST_WORD] for name in names if name for word in fold(name).split()}
