"""The officer's screen: what is seen and done at the counter, and what is refused there."""
import pytest
from tests.factories import a_procuration, an_officer, log_in


@pytest.fixture
def officer(db=None):
    return an_officer()


def test_smoke(app, client):
    officer = an_officer()
    file = a_procuration()
    log_in(client, agent=officer)
    print(client.get("/admin/guichet/").text)
    app.config["WTF_CSRF_ENABLED"] = False
    answer = client.post("/admin/guichet/", data={"reference": file.reference.shown.lower()})
    print(answer.status, answer.text)
    assert answer.status_code == 200
