"""The six characters that name a file at a counter."""
import secrets
import unicodedata

from peewee import JOIN

from models import Commune, Procuration, Reference, Scrutin

LENGTH = 6
LONGEST = 80  # characters read of what was typed
ALPHABET = set(Reference.ALPHABET)
SEPARATORS = " -‐‑–—._"
UNSHIFTED = str.maketrans("é\"'(-è_ç", "23456789")
SHIFT_LEFT_OUT = set("é\"'(èç")  # - and _ alone are separators
TRIES = 8  # a clash has a chance of 1 in 500 with a million live references


def draw(procuration, kind="etablir"):
    """A new reference of the file. A clash with a living code draws again."""
    for _ in range(TRIES):
        code = "".join(secrets.choice(Reference.ALPHABET) for _ in range(LENGTH))
        if Reference.insert(code=code, procuration=procuration, kind=kind).on_conflict_ignore().as_rowcount().execute():
            return Reference(code=code, procuration=procuration, kind=kind)
    raise RuntimeError(f"no free reference after {TRIES} draws")


def read(typed):
    """The code somebody typed, scanned or pasted, or None when it cannot be one.

    Spaces, hyphens and case do not matter, nor what stands before a colon (“Référence : …”), nor Shift left out on a
    French keyboard, where the digits' keys then give letters and signs.
    """
    typed = typed[:LONGEST]
    readings = (typed, typed.rpartition(":")[2], typed.translate(UNSHIFTED) if SHIFT_LEFT_OUT & set(typed) else "")
    return next((code for code in map(plain, readings) if len(code) == LENGTH and set(code) <= ALPHABET), None)


def plain(typed):
    """The characters typed, in capitals, without what separates them or cannot be seen."""
    whole = unicodedata.normalize("NFKC", typed[:LONGEST]).upper()
    return "".join(character for character in whole if character.isprintable() and character not in SEPARATORS)


def find(code):
    """The reference with its file, commune and scrutin, or None."""
    found = (Reference.select(Reference, Procuration, Commune, Scrutin)
             .join(Procuration).join(Commune)
             .join_from(Procuration, Scrutin, JOIN.LEFT_OUTER)
             .where(Reference.code == code).get_or_none())
    if found:
        found.procuration.reference = found
    return found
