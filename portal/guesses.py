"""How much of a password somebody must guess, once names, common words, keys in a row and repetitions are no secret."""
import gzip
import re
from functools import cache
from pathlib import Path

from portal.names import fold

COMMON_FILE = Path(__file__).parent / "data" / "passwords.txt.gz"   # made by data/make_passwords.py
OURS = """mairie maire maires police policier nationale municipale gendarme gendarmes gendarmerie
procuration procurations maprocuration
mandant mandataire commune communes ministere interieur prefecture commissariat brigade officier judiciaire vote
electeur electeurs electoral""".split()
ROWS = ("azertyuiop", "qsdfghjklm", "wxcvbn", "qwertyuiop", "asdfghjkl", "zxcvbnm", "01234567890",
        "abcdefghijklmnopqrstuvwxyz", "1qaz2wsx3edc4rfv5tgb", "aqwzsxedcrfvtgb")
IN_A_ROW = [row for forth in ROWS for row in (forth, forth[::-1])]
LOOK_ALIKES = str.maketrans("0134578", "oieastb")
LONGEST_WORD, SHORTEST_WORD = 20, 4     # characters
OF_A_CONTEXT, COMMON = 1, 2             # what a word is worth, in characters


def worth(password, context=()):
    """In characters nobody can tell beforehand. `context`: texts that surround the account, names above all."""
    text = re.sub(r"(.{3,16}?)\1+", r"\1", fold(password).lower())
    known = {part for said in (*OURS, *context) for part in re.findall(r"\w{3,}", fold(said).lower())}
    found, at, total = set(), 0, 0
    while at < len(text):
        length, value = _piece(text[at:], known)
        piece = text[at:at + length]
        total += 0 if length > 1 and piece in found else value
        found.add(piece)
        at += length
    return total


def _piece(text, known):
    """How long is the most easily guessed beginning of `text`, and what is it worth?"""
    plain = text.translate(LOOK_ALIKES)
    for length in range(min(len(text), LONGEST_WORD), 2, -1):
        if text[:length] in known or plain[:length] in known:
            return length, OF_A_CONTEXT
        if length >= SHORTEST_WORD and any(text[:length] in row for row in IN_A_ROW):
            return length, OF_A_CONTEXT
        if length >= SHORTEST_WORD and {text[:length], plain[:length]} & common():
            return length, COMMON
    if digits := re.match(r"\d{2,}", text):
        return digits.end(), 1 + digits.end() // 4
    return 1, 0 if text[0].isspace() else 1


@cache
def common():
    return frozenset(gzip.decompress(COMMON_FILE.read_bytes()).decode().split())
