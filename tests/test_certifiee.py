"""Without a visit: a certified digital identity, accepted where the rules say so (décret n° 2025-1059)."""
import pytest

from demo.franceconnect import running_provider
from demo.identities import IDENTITIES
from models import Rules, Voter
from portal.settings import Settings, use
from tests import plus
from tests.factories import a_procuration, a_scrutin, fresh
from tests.test_franceconnect import HOME, RETURN, SECRET, Person, link

BACK, AFTER = "http://localhost/franceconnect/retour-certifie", "http://localhost/deconnexion/suite"
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def running():
    with running_provider("maprocuration-demo", SECRET, [RETURN], [HOME]) as (_, low), \
            running_provider(plus.CLIENT, plus.SECRET, [BACK], [AFTER], client_keys=plus.published()) as (_, high):
        yield low, high


@pytest.fixture
def providers(running):
    for provider in running:
        provider.fault, provider.identities = None, {identity.login: identity for identity in IDENTITIES}
    yield running
    for provider in running:
        provider.fault = None


@pytest.fixture
def high(providers):
    return providers[1]


@pytest.fixture
def settings(database_url, providers, tmp_path):
    low, high = providers
    return use(Settings(database_url=database_url, secret_key="s" * 64, journal_key="j" * 64, base_url=HOME[:-1],
                        mail_url=f"mailbox:{tmp_path}", franceconnect_issuer=low.issuer,
                        franceconnect_client_secret=SECRET, **plus.settings_of(high.issuer)))


@pytest.fixture
def camille(app):
    """A voter with a request, in a scrutin whose rules accept a certified identity."""
    app.config["WTF_CSRF_ENABLED"] = False
    return Mandant(app)


class Mandant(Person):
    """Somebody who logs in as usual, then again with more proof."""

    def __init__(self, app):
        super().__init__(app)
        self.logs_in()
        scrutin = a_scrutin()
        Rules.create(scrutin=scrutin, certified_identity=True)
        self.file = a_procuration(voter=Voter.get(), scrutin=scrutin)
        self.page = f"/mes-procurations/{self.file.id}/sans-deplacement"

    def leaves(self):
        return link(self.portal.post(f"{self.page}/identite"))

    def proves(self, login="durand", level="eidas2"):
        """The page after the whole way there and back."""
        address = self.franceconnect._answers(self.leaves(), login=login, level=level)
        return self.portal.get(address, follow_redirects=True)

    def confirms(self):
        return self.portal.post(self.page, data={"version": fresh(self.file).version})


def test_a_voter_establishes_their_procuration_without_a_visit(camille):
    page = camille.proves()
    assert "Relire et établir ma procuration" in page.text
    assert fresh(camille.file).status == "deposee"
    assert camille.confirms().location == "/mes-procurations"
    file = fresh(camille.file)
    assert file.status == "etablie" and file.certified["acr"] == "eidas2"
