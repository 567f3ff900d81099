"""SIRET: fourteen digits that name an establishment, the last of them a check digit (INSEE, Luhn's formula)."""
import re

LENGTH = 14
LA_POSTE = "356000000"      # its offices are too many for Luhn: the sum of their digits is a multiple of five


def read(typed):
    """The digits of what somebody typed, None where they are no SIRET."""
    digits = re.sub(r"[\s.\-]", "", typed or "")
    return digits if re.fullmatch(f"[0-9]{{{LENGTH}}}", digits) and _is_right(digits) else None


def _is_right(digits):
    offices = digits.startswith(LA_POSTE) and sum(map(int, digits)) % 5 == 0
    return offices or _luhn(digits) % 10 == 0


def _luhn(digits):
    """Every second digit from the right counts twice, its digits added."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(sum(divmod(number, 10)) for number in doubled)
