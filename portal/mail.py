"""Mail to the mandant: which act sends which mail, with what facts. Rows of the outbox; `portal.outbox` sends them, and
town halls post those of mandants without an address.

Folders of `templates/mails/` bear the names below; each holds subject.txt, body.txt and body.html.
"""
import secrets

from models import TRANSITIONS, Mail, Passage, Role, now
from portal import addresses, places, scrutins

NAMES = {
    "deposer": "deposee",
    "retirer": "retiree",
    "etablir": "etablie",
    "saisir": "saisie",
    "refuser": "refusee",
    "defaire": "defaite",
    "valider": "validee",
    "invalider": "invalidee",
    "reprendre": "reprise",
    "annuler": "annulee",
    "resilier": "resiliee",
    "perimer": "caduque",
}

# Of these acts a mandant without an address learns by post. The others are done in front of them, or are told by the
# commune's answer.
LETTERS = ("valider", "invalider", "reprendre", "annuler", "resilier")
# Told of a file that did not move, by the act whose facts they share.
NOTICES = {"resiliation_demandee": "resilier", "resiliation_refusee": "refuser", "avertissement": "deposer",
           "veille": "etablir"}


def announce(passage, procuration, tours=None):
    """Queue what tells the mandant of `passage`, in the transaction of the act: a mail, or a letter of LETTERS."""
    if passage.act in NAMES and (procuration.email or passage.act in LETTERS):
        queue(procuration, f"{passage.act}:{procuration.id}:{passage.version}:mandant", NAMES[passage.act],
              facts(passage, procuration, tours))


def queue(procuration, key, name, context):
    """One notice to the mandant, in the transaction of what it tells: a mail where there is an address; else a letter
    that the commune posts (`portal.letters`), once the file is established: before, no town hall knows of it."""
    if procuration.email:
        recipient, state = addresses.recipient_of(procuration)
        Mail.create(key=key, procuration=procuration, name=name, recipient=recipient, state=state, context=context)
    elif procuration.established_at:
        Mail.create(key=key, procuration=procuration, name=name, recipient="", state="letter", context=context,
                    commune=procuration.commune_id)


def announce_tour(procuration, tour, before, after):
    """Queue what tells the mandant of another day for `tour`: local days, None where it is not held."""
    queue(procuration, f"tour:{procuration.id}:{tour.id}-{secrets.token_hex(4)}:mandant", "tour_deplace", {
        "commune": procuration.commune.label, "mandataire": _called(procuration.mandataire),
        "scrutin": tour.scrutin.name, "number": tour.number, "status": procuration.status,
        "before": before and before.isoformat(), "after": after and after.isoformat()})


def told(procuration, act):
    """The facts of the mail that told the latest `act` on the file, of today where time moved them."""
    passages = procuration.passages.where(Passage.act == act)
    return facts(passages.order_by(Passage.version.desc()).first(), procuration)


def facts(passage, procuration, tours=None):
    """What the templates may say: texts, ISO days of the moment of the act, on the commune's calendar. JSON only.

    `tours_left_out` are those asked for on which a validation holds no place; empty for every other act. Of a
    résiliation, `validated`: the mandant had been told so, and `on_paper`: the act received (authority, place, day). Of
    an annulment, `older_act`: the mandant's own older procuration is the one that counts. `station`: where the mandant
    votes, if the roll says so. `automatic`: decided by the rules, which the mairie may take back.
    """
    commune = procuration.commune
    told = tours or _tours_told(passage, procuration)
    return {
        "reference": procuration.reference and procuration.reference.shown,
        "commune": commune.label,
        "mandant": _called(procuration.mandant),
        "mandataire": _called(procuration.mandataire),
        "tours": _days(told, commune),
        "tours_left_out": _days(_left_out(passage, procuration, told), commune),
        "period": not procuration.scrutin_id,
        "valid_until": procuration.valid_until.isoformat(),
        "present_by": procuration.lapses_at and scrutins.last_whole_day(procuration.lapses_at, commune).isoformat(),
        "reason": passage.reason,
        "comment": passage.comment,
        "authority": procuration.authority,
        "authority_place": procuration.authority_place,
        "validated": passage.act == "resilier" and bool(procuration.decided_at),
        "on_paper": passage.evidence if "authority" in (passage.evidence or ()) else None,
        "older_act": passage.reason == "acte_anterieur_recu" and places.given_otherwise(procuration),
        "day": scrutins.local_day(passage.at, commune).isoformat(),
        "station": procuration.mandant.station,
        "automatic": passage.role == Role.CLOCK and passage.act in ("valider", "invalider"),
    }


def preview(procuration, act, reason=None, comment="", evidence=None):
    """The facts `act` would put into its mail now; writes nothing. See `portal.outbox.previewed`."""
    return facts(Passage(act=act, at=now(), reason=reason, comment=comment or None, evidence=evidence), procuration)


def _tours_told(passage, procuration):
    """A validation names only the tours where a place is held (design 4)."""
    return places.held(procuration) if passage.act == "valider" else places.tours_of(procuration)


def _left_out(passage, procuration, told):
    return [tour for tour in places.tours_of(procuration) if tour not in told] if passage.act == "valider" else []


def _called(person):
    return f"{person.first_names} {person.birth_name}"


def _days(tours, commune):
    """Tours as JSON, without those the commune does not hold."""
    days = [(tour, scrutins.day_of(tour, commune)) for tour in tours]
    return [{"scrutin": tour.scrutin.name, "number": tour.number, "day": day.isoformat()} for tour, day in days if day]


# --- Samples --------------------------------------------------------------------------------------------------------

_SAMPLE = {
    "reference": "K7M 2QX",
    "commune": "Lyon (69)",
    "mandant": "Camille Andrée Durand",
    "mandataire": "Sacha Petit",
    "tours": [{"scrutin": "Élections municipales", "number": number, "day": day}
              for number, day in ((1, "2026-03-15"), (2, "2026-03-22"))],
    "tours_left_out": [],
    "period": False,
    "valid_until": "2026-03-22",
    "present_by": "2026-03-22",
    "reason": None,
    "comment": None,
    "authority": "Dominique Martin, brigadier-chef, APJ",
    "authority_place": "Lyon",
    "validated": True,
    "on_paper": None,
    "older_act": False,
    "day": "2026-02-20",
    "station": "0012, École Jules-Ferry",
    "automatic": True,
}

# Of the mails that tell no act of the mandant's file: each with what its own module says.
LINKS = {
    "confirmer_adresse": {"draw": "echantillon"},
    "adresse_changee": {},
    "invitation": {"draw": "echantillon", "known": False, "address": "prenom.nom@mairie.example",
                   "sender": "Alix Exemple", "service": "Lyon (69)", "proconnect": True},
    "cle_d_acces": {"added": True},
    "mot_de_passe_oublie": {"draw": "echantillon", "address": "prenom.nom@mairie.example"},
    "essais_de_connexion": {"address": "prenom.nom@mairie.example", "times": 100},
    "second_facteur_ote": {"draw": "echantillon", "address": "prenom.nom@mairie.example", "sender": "Alix Exemple"},
    "adresse_de_compte": {"before": "prenom.nom@mairie.example", "after": "prenom.autre-nom@mairie.example",
                          "sender": "Alix Exemple"},
    "proconnect_delie": {"sender": "Alix Exemple"},
    "mairie_invitee": {"draw": "echantillon", "commune": "Lyon (69)"},
    "confirmer_compte": {"draw": "echantillon", "commune": "Lyon (69)", "name": "Camille Exemple"},
    "compte_connu": {"commune": "Lyon (69)"},
    "compte_ouvert": {"commune": "Lyon (69)", "name": "Camille Exemple", "quality": "adjointe au maire"},
    "rappel_mairie": {"commune": "Lyon (69)", "count": 12, "oldest": "2026-03-02", "vote": "2026-03-15"},
    "retrouver": {"draw": "echantillon"},
    "tour_deplace": {"commune": "Lyon (69)", "mandataire": "Sacha Petit", "scrutin": "Élections municipales",
                     "number": 2, "status": "validee", "before": "2026-03-22", "after": "2026-03-29"},
    "mandataire_choisi": {**_SAMPLE, "station": None, "draw": "echantillon"},
    "mandataire_decline": _SAMPLE,
    "recherche_suspendue": {"officer": 1, "name": "Dominique Martin", "unit": "Commissariat de Lyon 3e",
                            "place": "Lyon", "count": 20, "at": "2026-03-01T09:05:00+00:00"},
    "recherches_vaines": {"count": 200, "at": "2026-03-01T09:05:00+00:00"},
    "a_decider": {"commune": "Lyon (69)", "count": 12, "scrutin": "Élections municipales", "number": 1,
                  "vote": "2026-03-15"},
}

# One per act, with the facts of `facts`: what pages of samples and tests show.
SAMPLES = {name: {**_SAMPLE, "reason": next(iter(TRANSITIONS[act].reasons), None)}
           for act, name in (*NAMES.items(), *((act, name) for name, act in NOTICES.items()))}
for _name in ("avertissement", "veille"):       # see `portal.lapses` and `portal.eves`
    SAMPLES[_name] = {**SAMPLES[_name], "vote": "2026-03-15", "lost": False}
