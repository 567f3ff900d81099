"""The stand-in of ProConnect: people at work, a second factor where it is asked for, PKCE, one session for the day."""
import secrets
from pathlib import Path

from demo import plus, tokens
from demo.agents import AGENTS, CLAIMS_OF_SCOPE
from demo.parameters import PROCONNECT, levels_wanted
from demo.plus import kept
from demo.provider import FAULTS, Provider

WRONG_CLAIMS = {**plus.WRONG_CLAIMS, "without_mfa": {"acr": "eidas1"}, "declared_with_mfa": {"acr": "eidas0-mfa"}}


class ProConnectProvider(Provider):
    cookie = "demo_proconnect"
    levels = ("eidas0", "eidas0-mfa", "eidas1", "eidas1-mfa", "eidas2", "eidas3")
    consent = False
    accepted, people, subject_type = PROCONNECT, AGENTS, "public"
    faults = FAULTS | {*WRONG_CLAIMS}
    wrong_claims = {**tokens.WRONG_CLAIMS, **WRONG_CLAIMS}
    claims_of_scope = CLAIMS_OF_SCOPE

    def __init__(self, *client, code_life=60, session_life=12 * 3600, **options):
        super().__init__(*client, code_life=code_life, session_life=session_life, **options)

    def level_of(self, login, chosen):
        return self.identities[login].level

    def satisfied(self, interaction):
        person, wanted = self.identities[interaction.browser.login], levels_wanted(interaction.request)
        return person.stubborn or wanted is None or interaction.browser.level in wanted

    def sub_of(self, login):
        """The same for every client."""
        return self.identities[login].sub


def client(standin, folder=Path("var")):
    """The settings of the demonstration's client, by their names; its secret is drawn once."""
    return {"PROCONNECT_ISSUER": f"{standin}/pro/api/v2", "PROCONNECT_CLIENT_ID": "maprocuration-demo-pro",
            "PROCONNECT_CLIENT_SECRET": kept(folder / "proconnect_client_secret", lambda: secrets.token_hex(32))}
