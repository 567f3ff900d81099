"""A paper act in front of whoever types it."""

WRITTEN = {
    "mandant-birth_name": "Orsatelli", "mandant-first_names": "Angèle Marie", "mandant-sex": "F",
    "mandant-birth_date-day": "3", "mandant-birth_date-month": "2", "mandant-birth_date-year": "1950",
    "mandataire-birth_name": "Petit", "mandataire-first_names": "Sacha", "mandataire-sex": "M",
    "mandataire-birth_date-day": "7", "mandataire-birth_date-month": "11", "mandataire-birth_date-year": "1975",
    "authority": "Claude Bernard", "quality": "adjudant, OPJ", "place": "Bron",
}
