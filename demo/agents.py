"""Who may be chosen at the stand-in ProConnect, all invented: the demonstration's accounts, then some to be refused.

Claims are those ProConnect always gives. Nothing in them says what somebody may do: our accounts do.
"""
import hashlib
from dataclasses import dataclass

DOMAIN = "demo.maprocuration.example"  # every sample account ends with it: production refuses them
POLICE, LYON, MARSEILLE, MINISTRY, COMPANY = (  # SIRET with a right check digit, of nobody
    "99900010100009", "99900020200005", "99900030300001", "99900040400007", "99900050500001")
CLAIMS_OF_SCOPE = {
    "openid": ("sub",),
    **{name: (name,) for name in ("given_name", "usual_name", "email", "uid", "siret", "idp_id",
                                  "organization_label", "roles")},
}


@dataclass(frozen=True)
class AgentIdentity:
    """One person at work. `level` is what their identity provider can prove, `stubborn` one that says so whatever was
    asked, `idp` its name: the sub is another one at another provider."""

    login: str
    why: str
    given_name: str
    family_name: str
    email: str
    siret: str
    organization: str
    roles: tuple = ("agent_public", "agent_public_territorial")
    level: str = "eidas1-mfa"
    stubborn: bool = False
    idp: str = "annuaire-de-demonstration"

    case = False

    @property
    def called(self):
        return f"{self.given_name} {self.family_name}"

    @property
    def sub(self):
        return hashlib.sha256(f"{self.idp} {self.login}".encode()).hexdigest()[:36]

    def claims(self):
        return {"given_name": self.given_name, "usual_name": self.family_name, "email": self.email,
                "uid": self.login, "siret": self.siret, "idp_id": self.idp, "organization_label": self.organization,
                "roles": list(self.roles)}


def _agent(login, why, given_name, siret, organization, **more):
    return AgentIdentity(login, why, given_name, "Exemple", more.pop("email", f"{login}@{DOMAIN}"), siret,
                         organization, **more)


STATE = ("agent_public", "agent_public_etat")
AGENTS = (
    _agent("officier", "officier de police judiciaire", "Morgan", POLICE, "Commissariat de démonstration", roles=STATE),
    _agent("mairie", "agent de la mairie de Lyon", "Dominique", LYON, "Mairie de Lyon"),
    _agent("maire", "responsable à la mairie de Lyon", "Alix", LYON, "Mairie de Lyon"),
    _agent("autre.mairie", "agent de la mairie de Marseille", "Maxime", MARSEILLE, "Mairie de Marseille"),
    _agent("ministere", "ministère, par carte d’agent", "Lou", MINISTRY, "Ministère", roles=STATE, level="eidas2"),
    _agent("suspendue", "compte suspendu ici", "Claude", LYON, "Mairie de Lyon"),
    _agent("inconnue", "personne ne l’a invitée ici", "Sasha", LYON, "Mairie de Lyon"),
    _agent("autre.siret", "l’adresse d’un agent de Lyon, l’établissement d’un autre", "Dominique", MARSEILLE,
           "Mairie de Marseille", email=f"mairie@{DOMAIN}"),
    _agent("entreprise", "salariée d’une entreprise, sans rôle public", "Andrea", COMPANY, "Société imaginaire",
           email="andrea@entreprise.example", roles=()),
    _agent("sans.second.facteur", "mot de passe seul : ProConnect ne la laisse pas revenir", "Camille", LYON,
           "Mairie de Lyon", level="eidas1"),
    _agent("niveau.faible", "identité déclarée, sans égard au niveau demandé : au service de refuser", "Charlie", LYON,
           "Mairie de Lyon", email=f"mairie@{DOMAIN}", level="eidas0", stubborn=True),
)
