"""Mail to the mandant: which act sends which mail, with what facts. Rows of the outbox; `portal.outbox` sends them.

Folders of `templates/mails/` bear the names below; each holds subject.txt, body.txt and body.html.
"""
from zoneinfo import ZoneInfo

from models import Mail
from portal import places, scrutins

NAMES = {
    "deposer": "deposee",
    "retirer": "retiree",
    "etablir": "etablie",
    "refuser": "refusee",
    "defaire": "defaite",
    "valider": "validee",
    "invalider": "invalidee",
    "reprendre": "reprise",
    "annuler": "annulee",
    "resilier": "resiliee",
    "perimer": "caduque",
}


def announce(passage, procuration, tours=None):
    """Queue the mail that tells the mandant of `passage`, in the transaction of the act. No address: no mail."""
    if procuration.email:
        Mail.create(key=f"{passage.act}:{procuration.id}:{passage.version}:mandant", procuration=procuration,
                    name=NAMES[passage.act], recipient=procuration.email, context=facts(passage, procuration, tours))


def facts(passage, procuration, tours=None):
    """What the templates may say: texts, ISO days and instants of the moment of the act. JSON types only."""
    commune = procuration.commune
    return {
        "reference": procuration.reference and procuration.reference.shown,
        "commune": commune.label,
        "mandataire": _called(procuration.mandataire),
        "scrutin": procuration.scrutin and procuration.scrutin.name,
        "tours": [_tour(tour, commune) for tour in tours or _tours_told(passage, procuration)],
        "period": not procuration.scrutin_id,
        "valid_until": procuration.valid_until.isoformat(),
        "lapses_on": procuration.lapses_at and _local_day(procuration.lapses_at, commune),
        "reason": passage.reason,
        "comment": passage.comment,
        "authority": procuration.authority,
        "authority_place": procuration.authority_place,
        "day": _local_day(passage.at, commune),
    }


def _tours_told(passage, procuration):
    """A validation names only the tours where a place is held (design 4)."""
    return places.held(procuration) if passage.act == "valider" else places.tours_of(procuration)


def _called(person):
    return f"{person.first_names} {person.birth_name}"


def _tour(tour, commune):
    return {"scrutin": tour.scrutin.name, "number": tour.number, "day": scrutins.day_of(tour, commune).isoformat()}


def _local_day(instant, commune):
    return instant.astimezone(ZoneInfo(commune.zone)).date().isoformat()
