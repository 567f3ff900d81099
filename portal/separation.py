"""Nobody handles a file in which they give or receive the procuration: a colleague does."""
from portal.errors import Refused
from portal.names import fold


class OwnFile(Refused):
    """The officer is the mandant or the mandataire, by name or by address."""

    status = 403


def check(procuration, officer):
    """Raises OwnFile."""
    mandant, mandataire = procuration.mandant, procuration.mandataire
    if (_is(officer, mandant) or _is(officer, mandataire)
            or officer.email.lower() in (_plain(procuration.email), _plain(mandataire.email))):
        raise OwnFile()


def _is(officer, person):
    """Somebody called so, unless both birth dates are known and differ: accounts do not have all first names."""
    return (_joined(officer.last_name) in map(_joined, filter(None, (person.birth_name, person.used_name)))
            and f" {fold(officer.first_name)} " in f" {fold(person.first_names)} "
            and compatible(officer.birth_date, person.birth_date))


def compatible(one, other):
    """May two birth dates (YYYY-MM-DD, 00 for an unknown part, None for an unknown whole) be of one person?"""
    if not (one and other):
        return True
    return all(part == its or {part, its} & {"00", "0000"} for part, its in zip(one.split("-"), other.split("-")))


def _joined(name):
    """DE LA TOUR and de Latour are one name, as in `portal.names.person_key`."""
    return fold(name).replace(" ", "")


def _plain(email):
    return (email or "").lower()
