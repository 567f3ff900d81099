"""Which passwords cannot be chosen, and how those that were are kept."""
import threading

import pytest

from models import Agent, Role
from portal import accounts, guesses, passwords
from portal.passwords import Busy, GuessablePassword, UnfitPassword, WeakPassword
from tests.engines import ONE_ENGINE
from tests.factories import PASSWORD, PASSWORD_HASH, an_agent, an_officer


@ONE_ENGINE
@pytest.mark.parametrize("password", [
    "Motdepasse2026!!", "MairieDeLyon2024!", "M4ir13DeLy0n2025", "Gendarmerie2026Procuration", "PoliceNationale2026!",
    "ClaireDupont1975!!", "claire.dupont@mairie", "azertyuiopqsdfgh", "1234567890123456", "aaaaaaaaaaaaaaaa",
    "soleilsoleilsoleil", "password12345678", "Bienvenue2026!!!", "liberte egalite fraternite", "0612345678061234",
    "maprocuration-procuration"])
def test_what_anybody_would_try_is_refused_however_long(db, password):
    claire = an_agent(Role.MANAGER, first_name="Claire", last_name="Dupont", email="claire.dupont@mairie-lyon.fr")
    with pytest.raises(GuessablePassword):
        passwords.check(claire, password)


@ONE_ENGINE
@pytest.mark.parametrize("password", [
    PASSWORD, "le chat boit du lait tiède", "xK9#vQ2$mR7!pL4w", "il pleut encore sur Nantes", "éàù ça là ôté où ïambe",
    "correct horse battery staple"])
def test_a_sentence_of_no_particular_signs_is_good(db, password):
    passwords.check(an_agent(Role.MANAGER), password)


@ONE_ENGINE
@pytest.mark.parametrize("role, least", [(Role.OFFICER, 14), (Role.COMMUNE, 14), (Role.MANAGER, 16),
                                         (Role.MINISTRY, 16)])
def test_length_counts_and_no_composition_is_asked(db, role, least):
    agent = an_agent(role)
    phrase = "un peu de houle au large ce soir"
    passwords.check(agent, phrase[:least])
    for wrong in (phrase[:least - 1], phrase * 5):
        with pytest.raises(WeakPassword):
            passwords.check(agent, wrong)


def test_the_longest_password_is_judged_at_once():
    assert guesses.worth("ab" * 64) < passwords.ENOUGH and len(guesses.common()) == 10_000


@ONE_ENGINE
def test_a_link_lets_nobody_choose_such_a_password_and_stays_alive(db):
    officer = an_officer(last_name="Vercingétorix")
    link = accounts.invite(officer)
    with pytest.raises(UnfitPassword):
        accounts.choose_password(link, "Vercingetorix 2026")
    assert accounts.invited(link) == officer


@ONE_ENGINE
def test_a_hash_of_other_parameters_is_made_anew_at_the_log_in(db):
    weak = passwords.PasswordHasher(memory_cost=8192, time_cost=1, parallelism=1).hash(PASSWORD)
    officer = an_officer(password_hash=weak)
    accounts.authenticate(officer.email, PASSWORD)
    kept = Agent.get_by_id(officer.id).password_hash
    assert "m=19456,t=2,p=1" in kept and passwords.matches(PASSWORD, kept)


def test_a_flood_of_passwords_is_refused_and_does_not_queue_up(monkeypatch):
    monkeypatch.setattr(passwords, "QUEUE", threading.BoundedSemaphore(1))
    with passwords.QUEUE, pytest.raises(Busy) as refused:
        passwords.matches(PASSWORD, PASSWORD_HASH)
    assert (refused.value.status, refused.value.retry_after) == (429, 5)
    assert passwords.matches(PASSWORD, PASSWORD_HASH)
