"""Who FranceConnect says somebody is, as a row of Voter. Its identity is INSEE's: taken as it is, or refused."""
import datetime
import re
import unicodedata

from email_validator import EmailNotValidError, validate_email

from models import Personne, Procuration, Voter, now
from portal.errors import Refused
from portal.names import person_key

SEXES = {"male": "M", "female": "F"}
LONGEST_NAME, LONGEST_KEY, LONGEST_EMAIL = 255, 600, 254
OLDEST = 130  # years


class IdentityUnusable(Refused):
    """The name or the birth date is missing, or one of them makes no sense. Paper remains."""


def recognise(issuer, sub, claims):
    """The voter of (issuer, sub), made or brought up to date. Raises IdentityUnusable."""
    identity = identity_of(claims)
    Voter.insert(issuer=issuer, sub=sub, **identity).on_conflict(
        conflict_target=[Voter.issuer, Voter.sub], update=identity).execute()
    return Voter.get(Voter.issuer == issuer, Voter.sub == sub)


def is_same(voter, claims):
    """Is it the voter that these claims of FranceConnect+ are about? Raises IdentityUnusable.

    The subject differs from client to client, so the identity is compared: names under their normal form, sex, date
    and place of birth, as INSEE's register has them (its claims are called `rnipp_…` there), else as the card has them.
    """
    found = identity_of(_of_the_register(claims))
    return all(getattr(voter, name) == found[name] for name in ("key", "sex", "birth_place", "birth_country"))


def _of_the_register(claims):
    """FranceConnect+ leaves an unknown day as 00 in `birthdate`, as `idp_birthdate` does elsewhere."""
    register = {name.removeprefix("rnipp_"): value for name, value in claims.items() if name.startswith("rnipp_")}
    return {**claims, **register, "idp_birthdate": claims.get("birthdate")}


def has_files(voter):
    return Procuration.select().where(Procuration.voter == voter).exists()


def paper_acts_of(voter):
    """The ids of the paper acts whose mandant is exactly the voter's identity: birth name, all first names, birth date
    and sex (design 3). A partial date is nobody's, nor is a person told apart."""
    named = (Personne.select(Personne.procuration).join(Procuration)
             .where(Personne.key == voter.key, Personne.role == "mandant", Personne.birth_date == voter.birth_date,
                    Personne.sex == voter.sex, Procuration.origin == "paper"))
    return [number for number, in named.tuples()]


def identity_of(claims):
    """Columns of Voter from the claims of userinfo. Raises IdentityUnusable."""
    birth_name, first_names = _name(claims, "family_name"), _text(claims, "given_name", LONGEST_NAME)
    birth_date = _birth_date(claims)
    key = person_key(birth_name, first_names, birth_date)
    if len(key) > LONGEST_KEY:
        raise IdentityUnusable()
    return {"birth_name": birth_name, "first_names": first_names, "birth_date": birth_date, "key": key,
            "used_name": _text(claims, "preferred_username", LONGEST_NAME) or None,
            "sex": SEXES.get(_text(claims, "gender", 20), "X"),
            "birth_place": _text(claims, "birthplace", 5), "birth_country": _text(claims, "birthcountry", 5),
            "email": _email(claims), "seen_at": now()}


def _name(claims, claim):
    """A name as received, in NFC; one letter is enough."""
    name = _text(claims, claim, LONGEST_NAME)
    if not any(character.isalpha() for character in name):
        raise IdentityUnusable()
    return name


def _text(claims, claim, longest):
    """A claim's text in NFC, "" where there is none. Raises IdentityUnusable for what no register holds."""
    text = claims.get(claim) or ""
    if not isinstance(text, str) or any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in text):
        raise IdentityUnusable()
    text = unicodedata.normalize("NFC", text).strip()
    if len(text) > longest:
        raise IdentityUnusable()
    return text


def _email(claims):
    """A proposal, never checked by FranceConnect: what no mail could reach is dropped."""
    try:
        address = validate_email(claims.get("email"), check_deliverability=False, globally_deliverable=False,
                                 test_environment=True, allow_smtputf8=False).ascii_email
    except (EmailNotValidError, TypeError, AttributeError):
        return None
    return address if len(address) <= LONGEST_EMAIL else None


def _birth_date(claims):
    """YYYY-MM-DD, 00 where the register has none.

    FranceConnect completes `birthdate` with 01; `idp_birthdate` keeps the 00 of a presumed date.
    """
    stated, original = _text(claims, "birthdate", 10), _text(claims, "idp_birthdate", 10)
    presumed = "-00" in original and original[:4] == stated[:4]
    return _possible_date(original if presumed else stated)


def _possible_date(text):
    found = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", text)
    year, month, day = (int(part) for part in found.groups()) if found else (0, 0, 0)
    day = day if month else 0  # 1977-00-03: a day of no month says nothing
    try:
        earliest = datetime.date(year, month or 1, day or 1)
    except ValueError as error:
        raise IdentityUnusable() from error
    if not now().year - OLDEST <= year or earliest > now().date():
        raise IdentityUnusable()
    return f"{year:04}-{month:02}-{day:02}"
