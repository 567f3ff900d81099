"""The sample people of the stand-in FranceConnect, all invented: twelve, each hard in its own way, then one for each
case of the law, whose file is ready (demo/cases.py).

Claims follow FranceConnect v2, low level: what INSEE's register says, not what the person typed.
"""
import datetime
from dataclasses import dataclass

FRANCE = "99100"  # INSEE's country code, overseas territories included

CLAIMS_OF_SCOPE = {
    "openid": ("sub",),
    "profile": ("given_name", "given_name_array", "family_name", "birthdate", "gender", "preferred_username"),
    "birth": ("birthplace", "birthcountry"),
    "identite_pivot": ("given_name", "given_name_array", "family_name", "birthdate", "gender",
                       "birthplace", "birthcountry"),
    "given_name": ("given_name", "given_name_array"),
    "family_name": ("family_name",),
    "birthdate": ("birthdate",),
    "gender": ("gender",),
    "birthplace": ("birthplace",),
    "birthcountry": ("birthcountry",),
    "preferred_username": ("preferred_username",),
    "email": ("email",),
    "idp_birthdate": ("idp_birthdate",),
    "idp_id": ("idp_id",),
}


@dataclass(frozen=True)
class Identity:
    """One person; a field that is None is a claim the provider does not send.

    idp_birthdate keeps an unknown day or month as 00 (1992-00-00).
    birthplace is an INSEE commune code, "" for whoever was born abroad.
    """

    login: str
    why: str
    family_name: str
    given_names: tuple[str, ...]
    gender: str
    idp_birthdate: str
    birthplace: str
    birthcountry: str = FRANCE
    preferred_username: str | None = None
    email: str | None = None

    @property
    def case(self):
        """Has this person a file that shows a case of the law?"""
        return self.login.startswith("cas-")

    @property
    def called(self):
        return f"{self.given_names[0]} {self.preferred_username or self.family_name}"

    @property
    def given_name(self):
        return " ".join(self.given_names)

    @property
    def birthdate(self):
        """FranceConnect completes a presumed date with 01, which is why idp_birthdate has to be asked for."""
        return self.idp_birthdate and self.idp_birthdate.replace("-00", "-01")

    def claims(self):
        """Every claim about this person but sub, which depends on who asks."""
        said = {
            "given_name": self.given_name,
            "given_name_array": list(self.given_names),
            "family_name": self.family_name,
            "birthdate": self.birthdate,
            "gender": self.gender,
            "birthplace": self.birthplace,
            "birthcountry": self.birthcountry,
            "preferred_username": self.preferred_username,
            "email": self.email,
            "idp_birthdate": self.idp_birthdate,
            "idp_id": "demonstration",
        }
        return {name: value for name, value in said.items() if value is not None}


def _sixteen_years_old():
    # On New Year's Day: right all year long, and the sub, made from the date, changes once a year.
    return datetime.date(datetime.date.today().year - 16, 1, 1).isoformat()


IDENTITIES = (
    Identity("durand", "le cas courant", "DURAND", ("Camille", "Jeanne"), "female", "1985-04-12", "35238",
             email="camille.durand@example.org"),
    Identity("morvan", "nom d’usage différent du nom de naissance", "MORVAN", ("Hélène",), "female",
             "1974-11-30", "29019", preferred_username="LEFÈVRE-HALLÉ", email="helene.lefevre@example.org"),
    Identity("orvallon", "nom composé, particules et apostrophes", "D’ORVALLON DE L’AUBÉPINE-D’ARC",
             ("Gwenaëlle", "Anne-Sophie"), "female", "1968-02-29", "56260",
             email="g.orvallon@example.org"),
    Identity("vandenbroucke", "nom de plus de 50 lettres, quatre prénoms",
             "VANDENBROUCKE-CHARPENTIER DE LA ROCHEFONTAINE-MONTCLAIREAU",
             ("Maximilien", "Théodore", "Emmanuel", "Barthélemy"), "male", "1959-07-01", "59350",
             email="maximilien.theodore.vandenbroucke-charpentier@example.org"),
    Identity("wamenou", "prénom contenant une espace, né à Nouméa", "WAMÉNOU", ("Jean Baptiste", "Noël"),
             "male", "1990-12-25", "98818", email="jb.wamenou@example.org"),
    Identity("orsatelli", "naissance en Corse (2A004)", "ORSATELLI", ("Ange-Marie",), "male", "1979-08-15",
             "2A004", preferred_username="", email="ange-marie.orsatelli@example.org"),
    Identity("orsatelli-jumelle", "jumelle du précédent, sans adresse électronique", "ORSATELLI",
             ("Angèle-Marie",), "female", "1979-08-15", "2A004"),
    Identity("bellerose", "naissance en Martinique (97209)", "BELLEROSE", ("Marcelin",), "male", "1996-05-22",
             "97209", email="marcelin.bellerose@example.org"),
    Identity("benhaddou", "naissance à l’étranger (Algérie), aucun lieu transmis", "BENHADDOU",
             ("Œdith", "Naïma"), "female", "1963-03-19", "", birthcountry="99352",
             email="naima.benhaddou@example.org"),
    Identity("traore", "date de naissance présumée : seule l’année 1992 est connue", "TRAORÉ-SIDIBÉ",
             ("Issa",), "male", "1992-00-00", "", birthcountry="99335", email="issa.traore@example.org"),
    Identity("o", "sexe non précisé, nom et prénom d’une seule lettre", "O", ("Y",), "unspecified",
             "2001-01-31", "75113", email="o@example.org"),
    Identity("petit", "mineur : 16 ans", "PETIT", ("Sacha",), "male", _sixteen_years_old(), "13205",
             email="sacha.petit@example.org"),
)

# Who finds a file when logging in, and whom the town hall finds by typing “cas”.
CASES = (
    Identity("cas-sans-place", "établie sans place : la personne désignée a déjà une procuration", "CAS-SANS-PLACE",
             ("Agathe",), "female", "1971-03-08", "69266", email="agathe.cas@example.org"),
    Identity("cas-second-tour", "validée pour le second tour seulement", "CAS-SECOND-TOUR", ("Bastien",), "male",
             "1983-10-21", "69029", email="bastien.cas@example.org"),
    Identity("cas-homonyme", "la liste électorale connaît deux personnes du nom désigné", "CAS-HOMONYME", ("Clarisse",),
             "female", "1990-06-02", "38185", email="clarisse.cas@example.org"),
    Identity("cas-resiliation", "validée, puis résiliation demandée : une seconde référence à présenter",
             "CAS-RÉSILIATION", ("Denis",), "male", "1966-01-17", "42218", email="denis.cas@example.org"),
    Identity("cas-papier", "procuration sur papier, saisie par la mairie ; sans adresse électronique", "CAS-PAPIER",
             ("Éliane",), "female", "1944-09-30", "01053"),
    Identity("cas-papier-anterieur", "validée, puis un acte sur papier plus ancien a pris la place",
             "CAS-PAPIER-ANTÉRIEUR", ("Florent",), "male", "1979-12-05", "26362", email="florent.cas@example.org"),
    Identity("cas-sans-visite", "établie sans se déplacer, par identité numérique certifiée", "CAS-SANS-VISITE",
             ("Garance",), "female", "1998-04-26", "73065", email="garance.cas@example.org"),
    Identity("cas-caduque", "demande jamais présentée, devenue caduque", "CAS-CADUQUE", ("Hugo",), "male",
             "1987-07-13", "74010", email="hugo.cas@example.org"),
)
PEOPLE = (*IDENTITIES, *CASES)
