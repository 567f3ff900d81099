"""The six characters that name a file at a counter."""
import secrets
import unicodedata

from peewee import JOIN

from models import Commune, Procuration, Reference, Scrutin

LENGTH = 6
TRIES = 8  # a clash has a chance of 1 in 500 with a million live references


def draw(procuration, kind="etablir"):
    """A new reference of the file. A clash with a living code draws again."""
    for _ in range(TRIES):
        code = "".join(secrets.choice(Reference.ALPHABET) for _ in range(LENGTH))
        if Reference.insert(code=code, procuration=procuration, kind=kind).on_conflict_ignore().as_rowcount().execute():
            return Reference(code=code, procuration=procuration, kind=kind)
    raise RuntimeError(f"no free reference after {TRIES} draws")


def read(typed):
    """The code somebody typed (spaces, hyphens and case do not matter), or None when it cannot be one."""
    plain = unicodedata.normalize("NFKC", typed[:40]).upper()
    code = "".join(character for character in plain if character not in " -‐‑–—._\t\r\n")
    return code if len(code) == LENGTH and set(code) <= set(Reference.ALPHABET) else None


def find(code, kind="etablir"):
    """The reference with its file, commune and scrutin, or None."""
    return (Reference.select(Reference, Procuration, Commune, Scrutin)
            .join(Procuration).join(Commune)
            .join_from(Procuration, Scrutin, JOIN.LEFT_OUTER)
            .where(Reference.code == code, Reference.kind == kind).get_or_none())
