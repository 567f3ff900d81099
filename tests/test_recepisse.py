"""The récépissé: on paper and as a page it says the same, whatever the names."""
from io import BytesIO

import pytest
from pypdf import PdfReader

from tests.factories import a_commune, a_procuration
from tests.voter import Mandant


@pytest.fixture
def mandant(app, client):
    a_commune()
    return Mandant(client)


def words(text):
    return " ".join(text.split())


def read(content):
    return PdfReader(BytesIO(content))


def test_a_request_is_taken_to_the_counter_as_a_sheet(mandant, client):
    file = a_procuration(voter=mandant.row)
    answer = client.get(f"/mes-procurations/{file.id}/recepisse.pdf")
    text = words(read(answer.data).pages[0].extract_text())
    assert answer.mimetype == "application/pdf" and file.reference.shown in text
    assert file.reference.shown in mandant.opens(f"/mes-procurations/{file.id}/recepisse").text
