"""The words people read: those of the field, French, and sentences a tired person understands."""
import re

import pytest

from portal import mail, outbox
from portal.settings import Settings, use
from portal.typography import loosen
from tests.engines import ONE_ENGINE
from tests.factories import a_commune, a_scrutin
from tests.french import ROOT, WRITTEN, of_template, prose
from tests.voter import Mandant, Page

BETTER = {  # what to write, and what is written too often in its place
    "courriel": r"e-?mails?|mails?|mels?",
    "identifiant, connexion": r"log-?ins?|log-?outs?|se logger",
    "mot de passe": r"passwords?",
    "le nom de ce que l’on fait": r"cliquez|cliquer|clic",
    "en ligne": r"online",
    "lien, code": r"tokens?|jetons?",
    "personne, agent, électeur": r"users?|utilisateurs? final\w*",
    "panne, erreur": r"bugs?|crash\w*",
    "envoyer, télécharger": r"uploads?|uploader|downloads?",
    "espace de travail": r"dashboards?|back-?office|backend",
    "adresse": r"urls?",
    "ligne, dossier": r"items?|records?|enregistrements?",
    "fenêtre": r"pop-?ups?",
    "case": r"check-?box(?:es)?",
    "avis": r"feedback",
    "démarche": r"process|workflow",
    "numérique": r"digita(?:l|le|ux|les)",
    "délai": r"time-?out",
    "Enregistrez, et non Veuillez enregistrer": r"veuillez|merci de",
    "ce qu’il faut écrire": r"(?:valeur|saisie|champ|format|donnée)s? (?:invalide|incorrect)e?s?|non valide",
    "obligatoire": r"requise?s?",
    "place": r"places? (?:tenue|occupée|consommée)s?",
    "demande": r"requêtes?",
    "à la place": r"en lieu et place",
    "établie, déposée": r"créée? avec succès|avec succès",
    "par": r"via",
    "pour": r"afin de|en vue de",
    "si": r"dans le cas où|au cas où",
    "concernant, pour": r"au niveau d\w|en termes d\w|suite à",
}
BETTER = {word: re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE) for word, pattern in BETTER.items()}
ENGLISH = re.compile(r"\b(?:the|and|your|with|this|please|save|delete|search|edit|home|yes|submit|loading|required|"
                     r"filter|invalid|select|success|failed|successfully|click|here)\b", re.IGNORECASE)
CODE = re.compile(r"[\w./:#-]*|.*[=/]\"?|\S*\.\S+|[\w-]+=\"[^\"]*\"?|[MLHVCSQTAZ\d\s.,-]*",
                  re.IGNORECASE)  # a key, a name, an address, an attribute or what is left of one, a drawing
LONGEST = 30  # words of a sentence
BLOCKS = ("p", "li", "dd", "td", "label", "legend", "h1", "h2", "h3", "summary")


def read_by_people(pieces):
    return [loosen(piece) for piece in pieces if not CODE.fullmatch(piece.strip())]


def ill_said(pieces):
    return [f"{found[0]!r}: write {better!r} ({' '.join(piece.split())[:80]})" for piece in read_by_people(pieces)
            for better, pattern in BETTER.items() if (found := pattern.search(piece))]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_people_read_the_words_of_the_field(path):
    assert ill_said(prose(path)) == []


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_people_read_french(path):
    assert [piece for piece in read_by_people(prose(path)) if ENGLISH.search(piece)] == []


@pytest.mark.parametrize("text", ["Votre e-mail", "Cliquez ici.", "Le token est expiré", "Veuillez saisir",
                                  "Valeur invalide", "Une place tenue",
                                  "Ce champ est requis.", "via FranceConnect", "Merci de patienter"])
def test_a_word_from_elsewhere_is_caught(text):
    assert ill_said(of_template(f"<p>{text}</p>", "page.html")) and ill_said([text])
    assert not ill_said(of_template(f"<p class='{text}'>Bien</p>", "page.html"))


def test_english_is_caught():
    assert ENGLISH.search("Save and continue") and not ENGLISH.search("Le savez-vous ? Éditer, filtrer, sélectionner")


# --- Sentences ------------------------------------------------------------------------------------------------------

def long_sentences(page):
    """Those of more than LONGEST words, block by block."""
    blocks = [tag["text"] for tag in page.all(*BLOCKS) if not page.within(tag, *BLOCKS)]
    return [sentence for block in blocks for sentence in sentences(block) if words(sentence) > LONGEST]


def sentences(text):
    return re.split(r"(?<=[.!?…])\s+(?=[«\w])", " ".join(text.split()))


def words(sentence):
    return len(re.findall(r"\w[\w’'-]*", sentence))


@ONE_ENGINE
@pytest.mark.parametrize("path", ["/", "/aide", "/accessibilite", "/donnees-personnelles", "/statistiques",
                                  "/plan-du-site", "/connexion"])
def test_no_sentence_of_a_public_page_is_long(client, path):
    assert long_sentences(Page(client.get(path).text)) == []


def test_no_sentence_of_the_request_is_long(client):
    a_commune(), a_scrutin()
    mandant = Mandant(client)
    for page in (mandant.opens(), mandant.fills(mandataire__birth_name=""), mandant.fills(), mandant.asks(),
                 mandant.opens("/mes-procurations")):
        assert long_sentences(page) == []


@pytest.mark.parametrize("name", sorted(mail.SAMPLES))
def test_no_sentence_of_a_mail_is_long(name):
    use(Settings())
    assert long_sentences(Page(outbox.render(name, mail.SAMPLES[name]).html)) == []


PARAGRAPHS = [path for path in WRITTEN if path.suffix != ".txt"]  # there a line may end what has no full stop


@pytest.mark.parametrize("path", PARAGRAPHS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sentence_as_it_is_written_is_long(path):
    pieces = [piece for text in read_by_people(prose(path)) for piece in sentences(text)]
    assert [piece for piece in pieces if words(piece) > LONGEST] == []


def test_a_long_sentence_is_caught():
    assert long_sentences(Page(f"<p>Bien. {'mot ' * 31}.</p>"))
    assert not long_sentences(Page(f"<p>{'mot ' * 20}. {'Mot ' * 20}.</p>"))
