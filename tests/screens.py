"""Every screen of the product, in each state that looks different: one line says who sees it and how to get there.

A new screen wants a line here; `tests/test_faces.py` tells which address has none, and judges them all. Controls are
found by their name, never by the words people read: these may change.
"""
import datetime
from typing import NamedTuple

from demo.samples import DOMAIN
from models import AgentFile, AgentLine, Commune, Procuration, Role, Roll, RollFile, WebSession, now
from portal import jobs, limits, look_ups, resiliation, scrutins
from portal.mail import LINKS, SAMPLES
from portal.throttling import FILED
from tests.factories import PASSWORD, a_mandataire, a_procuration, an_agent
from tests.paper import WRITTEN
from tests.voter import SOUND
from tests.world import HARD

ERRORS = (400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503, "host", "franceconnect", "franceconnect-plus",
          "proconnect")


class Screen(NamedTuple):
    """`name` is group/name; `who(world)` gives the keywords of World.cookie, None for anybody; `path` is filled with
    the world as `w`; `steps` take the page and the world."""

    name: str
    path: str
    who: object = None
    steps: tuple = ()


def opened(browser, world, screen, **options):
    """A page of a new browser that shows `screen`, with the answer to the first request; `options` are the context's.

    What the browser says meanwhile is in `page.said`, the addresses it asked for in `page.asked`, and the documents it
    received in `page.received`.
    """
    context = browser.new_context(bypass_csp=screen in MAILS, **options)  # the mailbox's sandbox would hold axe too
    if screen.who:
        context.add_cookies([world.cookie(**screen.who(world))])
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.said, page.asked, page.received = [], [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("response", lambda answer: page.received.append(answer) if is_document(answer) else None)
    page.goto(address(world, screen))
    for step in screen.steps:
        step(page, world)
    page.wait_for_load_state("load")
    return page


def is_document(answer):
    return answer.request.is_navigation_request() and not 300 <= answer.status < 400 and answer.status != 204


def address(world, screen):
    """Where the way to a screen begins."""
    filled = screen.path.format(w=world)
    return filled if "://" in filled else world.url + filled


# --- Who ------------------------------------------------------------------------------------------------------------

def newcomer(world):
    return {"voter": world.new_voter()}


def mandant(world):
    """Somebody with a file in each state."""
    return {"voter": world.files and world.mandant}


def careful_voter(world):
    """One whose address waits for its link."""
    return {"voter": world.changed_address.voter}


def ending(world):
    """Who asked for a résiliation and did not present it yet."""
    return {"voter": world.ending.voter}


def renamed(world):
    """Whom FranceConnect calls otherwise since a request."""
    return {"voter": world.renamed}


def guarded(world):
    """An agent with a second factor."""
    return {"agent": world.guarded}


def officer(world):
    """One who did nothing yet today."""
    return {"agent": world.new_officer()}


def asked_too_often(who, *reached):
    """Somebody of `who` who has reached these limits."""
    def reach(world):
        found = who(world)
        for limit in reached:
            for _ in range(limit.most):
                limits.count((limit, limit_subject(found)))
        return found
    return reach


def limit_subject(who):
    return who["agent"].id if "agent" in who else f"voter {who['voter'].id}"


def suspended_officer(world):
    return {"agent": world.suspended}


def unfit_officer(world):
    return {"agent": an_agent(Role.OFFICER)}


def agent(login):
    return lambda world: {"agent": world.agent(login)}


def hard_voter(name):
    """Somebody with a request to present."""
    def who(world):
        voter = world.new_voter(**HARD[name])
        world.hard_file(HARD[name], voter=voter)
        return {"voter": voter}
    return who


def hard_agent(world):
    return {"agent": an_agent(commune=world.hard_town)}


def with_a_roll_file(code, state, **columns):
    """A town hall that sent its electoral roll."""
    def who(world):
        RollFile.get_or_create(commune=code, defaults={"fingerprint": "0" * 64, "state": state, **columns})
        return {"agent": an_agent(commune=Commune.get_by_id(code))}
    return who


def with_a_smaller_roll(world):
    Roll.get_or_create(commune="33063", state="current", kind="LP", defaults={
        "fingerprint": "1" * 64, "lines": 250_000, "left_out": 12, "current_since": now()})
    report = {"electors": {"LP": 99_000, "LCM": 1200, "LCE": 0}, "left_out": 2, "fault_count": 250,
              "faults": [[7, "date", True], [81_234, "columns", False], [90_000, "old", True]]}
    return with_a_roll_file("33063", "ready", report=report)(world)


def with_a_roll_of_strangers(world):
    """It knows none of those who gave a procuration there."""
    town = Commune.get_by_id("06088")
    if not Roll.select().where(Roll.commune == town).exists():
        for _ in range(3):
            a_procuration("etablie", commune=town)
        Roll.create(commune=town, state="current", kind="LP", fingerprint="2" * 64, lines=42, current_since=now())
    return {"agent": an_agent(commune=town)}


def with_accounts_file(state, kind="agents", **columns):
    """The ministry, in front of a file that it sent."""
    def who(world):
        AgentFile.delete().execute()
        counts = {"create": 98_412, "change": 1_204, "end": 37, "same": 512, "refused": 3}
        file = AgentFile.create(kind=kind, state=state, fingerprint="0" * 64, line=48_000,
                                **{"report": counts, "layout": {"encoding": "utf-8"}, **columns})
        for line, subject, cell, fault in ((7, "camille.durand@interieur.example", "siret", "siret"),
                                           (81_234, "", "email", "missing"), (99_001, "a@b.fr", "email", "twice")):
            AgentLine.create(file=file, line=line, subject=subject, cell=cell, fault=fault, outcome="refused",
                             content={"first": 12} if fault == "twice" else {})
        jobs.later("ecrire_comptes" if state == "applying" else "lire_comptes", file.id, total=100_000)
        return ministere(world)
    return who


def with_an_address(world):
    """Lyon's mairie was invited, and has managers."""
    Commune.update(email="mairie@lyon.example").where(Commune.code == world.lyon.code).execute()
    return ministere(world)


busy_officer, mairie, maire, elsewhere, ministere = map(agent, (
    "officier", "mairie", "maire", "autre.mairie", "ministere"))


def manager_elsewhere(world):
    Commune.update(unreminded_at=None).where(Commune.code == "59350").execute()
    return {"agent": an_agent(Role.MANAGER, Commune.get_by_id("59350"))}


def with_a_held_mail(world):
    """The longest of its states, as words."""
    assert world.changed_address
    return ministere(world)


def with_tasks(world):
    """One in each state."""
    assert world.task
    return ministere(world)


# --- How to get there -----------------------------------------------------------------------------------------------

PRESS = "button => button.click()"      # whatever lies over it
UNFOLD = "control => { for (let part = control; part; part = part.parentElement) part.open = true; }"


def fills(**answers):
    """Type or choose by the controls' names, `__` for a hyphen; True ticks every box of the name."""
    def step(page, world):
        for name, answer in answers.items():
            answer_one(page, name.replace("__", "-"), answer)
    return step


def answer_one(page, name, answer):
    control = page.locator(f"[name='{name}']")
    control.first.evaluate(UNFOLD)
    if answer is True:
        for box in control.all():
            box.check(force=True)
    elif control.first.get_attribute("type") == "radio":
        page.locator(f"[name='{name}'][value='{answer}']").check(force=True)
    else:
        control.fill(answer)


def sends(action="", /, **pressed):
    """Press the button of that name and value, else the first, that sends a form to what ends so."""
    named = "".join(f"[name='{name}'][value='{value}']" for name, value in pressed.items()) + ":not([type=button])"
    form = "main form" + (leads("action", action) if action else "[method=post]")
    buttons = f"{form} button{named}:not([formaction]), main button{named}{leads('formaction', action)}"

    def step(page, world):
        with page.expect_navigation():
            page.locator(buttons).first.evaluate(PRESS)
    return step


def submits(action=""):
    """Send a form as it is, without the script that waits for a device."""
    def step(page, world):
        with page.expect_navigation():
            page.locator("main form" + (leads("action", action) if action else "[method=post]")).evaluate(
                "form => form.submit()")
    return step


def leads(attribute, path):
    return f":is([{attribute}$='{path or '?'}'], [{attribute}*='{path}?'])"


def opens(path):
    def step(page, world):
        page.goto(path.format(w=world))
    return step


def goes_no_further(page, world):
    """FranceConnect is out of reach: pages that go on there by themselves stay."""
    page.route(f"{world.standin}/**", lambda route: route.fulfill(status=204))


def logs_in(login):
    """At the stand-in FranceConnect."""
    def step(page, world):
        page.wait_for_url(f"{world.standin}/**")
        with page.expect_navigation(url=f"{world.url}/**"):
            page.locator(f"button[name=login][value='{login}']").click()
    return step


def without_a_visit(act="", who="bellerose"):
    """Somebody the demonstration knows opens the page that leads to FranceConnect+."""
    def step(page, world):
        sends(FRANCECONNECT)(page, world)
        logs_in(who)(page, world)
        page.goto(f"{world.url}/mes-procurations/{world.known(who).id}{act}/sans-deplacement")
    return step


def proves(login, level="eidas3"):
    """At the stand-in FranceConnect+."""
    def step(page, world):
        sends("/identite")(page, world)
        page.wait_for_url(f"{world.standin}/plus/**")
        page.locator(f"[name=level][value={level}]").check()
        logs_in(login)(page, world)
    return step


def unfolds(page, world):
    for part in page.locator("main details").all():
        part.evaluate(UNFOLD)


def loses_its_token(page, world):
    page.locator("[name=csrf_token]").first.evaluate("control => control.value = 'perdu'")


def session_ends(page, world):
    """Every voter's: the page shown is not told."""
    WebSession.delete().where(WebSession.voter.is_null(False)).execute()


def proof_ages(page, world):
    """Every session's: the page is asked for anew."""
    WebSession.update(proved_at=None).execute()
    page.reload()


def forgets_the_proof(page, world):
    WebSession.update(certified=None).execute()


def hears_of_the_session(what):
    """As page.js says it when the time has come: soon, last or over."""
    def step(page, world):
        words = f"document.getElementById('session-{what}').content"
        page.evaluate(f"session.region.append({words}.cloneNode(true))")
    return step


def looks_up(status="deposee", **columns):
    """At the counter, the reference of a file of its own."""
    def step(page, world):
        fills(reference=world.file(status, **columns).reference.code)(page, world)
        sends("/guichet/")(page, world)
    return step


def looks_up_namesake(page, world):
    """A mandataire called as the mandant, who already holds all the law allows."""
    mandataire = a_mandataire(birth_name="LEFÈVRE-SPÉCIMEN", first_names="Camille Léo", commune=world.lyon)
    world.file("etablie", mandataire=mandataire)
    looks_up(mandataire=mandataire)(page, world)


def looks_up_own(page, world):
    """A file that names the officer."""
    looks_up(mandataire=a_mandataire(birth_name="EXEMPLE", first_names="Morgan", commune=world.lyon))(page, world)


def looks_up_ending(page, world):
    fills(reference=resiliation.awaited(world.ending).code)(page, world)
    sends("/guichet/")(page, world)


def looks_up_hard(name):
    def step(page, world):
        fills(reference=world.hard_file(HARD[name]).reference.code)(page, world)
        sends("/guichet/")(page, world)
    return step


def establishes(page, world):
    fills(document=True, identity=True, consent=True)(page, world)
    sends("/etablir")(page, world)


def gives_password(page, world):
    """At the agents' log-in, as the one who has a second factor."""
    fills(email=world.guarded.email, password=PASSWORD)(page, world)
    sends_password(page, world)


def sends_password(page, world):
    """The other form of the page leads to ProConnect."""
    with page.expect_navigation():
        page.locator("form:has([name=password]) button").evaluate(PRESS)


def by_proconnect(login):
    """At the agents' log-in; what ProConnect answers for one of its people."""
    def step(page, world):
        sends(PROCONNECT)(page, world)
        logs_in(login)(page, world)
    return step


def linked_proof(page, world):
    """A page that wants a proof, for somebody who came by ProConnect a while ago."""
    by_proconnect("maire")(page, world)
    proof_ages(page, world)
    page.goto(f"{world.url}/admin/comptes/new/")


def fills_then_waits(page, world):
    """The proof grows old while somebody types."""
    by_proconnect("maire")(page, world)
    page.goto(f"{world.url}/admin/comptes/new/")
    fills(first_name="Andréa", last_name="Exemple", email="andrea.exemple@mairie.example")(page, world)
    WebSession.update(proved_at=None).execute()
    sends()(page, world)


def ticks_rows(page, world):
    for box in page.locator("[name=rowid]").all()[:3]:
        box.evaluate(PRESS)


FRANCECONNECT, PROCONNECT = "/franceconnect/connexion", "/proconnect/connexion"
DEMANDE = {name.replace("-", "__"): True if answer == "y" else answer for name, answer in SOUND.items()}
ASKED = fills(**DEMANDE, tours=True), sends("/demande")
LOST = "/mes-procurations/retrouver"
SEARCHED = fills(lost="ZZZ ZZZ"), sends("/retrouver")
PERIOD = fills(**DEMANDE, until__day="1", until__month="3", until__year="2027"), sends("/demande")


# --- The screens ----------------------------------------------------------------------------------------------------

PUBLIC = (
    Screen("public/accueil", "/"),
    Screen("public/accueil-connecte", "/", mandant),
    Screen("public/accueil-agent", "/", mairie),
    Screen("public/accueil-suite", "/?suite=/demande"),
    Screen("public/aide", "/aide"),
    Screen("public/accessibilite", "/accessibilite"),
    Screen("public/donnees-personnelles", "/donnees-personnelles"),
    Screen("public/plan-du-site", "/plan-du-site"),
    Screen("public/plan-du-site-connecte", "/plan-du-site", mandant),
    Screen("public/statistiques", "/statistiques"),
    Screen("public/connexion", "/connexion"),
    Screen("public/connexion-vide", "/connexion", None, (sends_password,)),
    Screen("public/connexion-refusee", "/connexion", None, (
        fills(email=f"mairie@{DOMAIN}", password="ce n’est pas le bon"), sends_password)),
    Screen("public/invitation", "/invitation/{w.invitation}"),
    Screen("public/invitation-differents", "/invitation/{w.invitation}", None, (
        fills(password="une phrase assez longue", again="une autre phrase"), sends())),
    Screen("public/invitation-morte", "/invitation/inconnue"),
    Screen("public/mot-de-passe-oublie", "/connexion/mot-de-passe-oublie"),
    Screen("public/mot-de-passe-oublie-envoye", "/connexion/mot-de-passe-oublie", None, (
        fills(email="personne@exemple.fr"), sends())),
    Screen("public/mot-de-passe-trop-d-essais", "/connexion", None, (
        *(fills(email="inconnue@exemple.fr", password="faux"), sends_password) * 7,)),
    Screen("public/mairie", "/mairie/{w.mairie_token}"),
    Screen("public/mairie-erreurs", "/mairie/{w.mairie_token}", None, (sends(),)),
    Screen("public/mairie-demandee", "/mairie/{w.asked_mairie[0]}"),
    Screen("public/mairie-compte", "/mairie/compte/{w.asked_mairie[1]}"),
    Screen("public/mairie-perdue", "/mairie/inconnue"),
    Screen("public/connexion-cle-refusee", "/connexion", None, (submits("/connexion/cle"),)),
    Screen("public/code", "/connexion", None, (gives_password,)),
    Screen("public/code-faux", "/connexion", None, (gives_password, fills(code="000000"), sends())),
    Screen("public/code-de-secours", "/connexion/code-de-secours", None, (
        gives_password, opens("{w.url}/connexion/code-de-secours"))),
    Screen("public/code-de-secours-faux", "/connexion", None, (
        gives_password, opens("{w.url}/connexion/code-de-secours"), fills(code="ABCD EFGH"), sends())),
    Screen("public/code-sans-mot-de-passe", "/connexion/code"),
    Screen("public/adresse", "/adresse/{w.address_token}"),
    Screen("public/adresse-perdue", "/adresse/inconnue"),
)

FRANCECONNECT_SCREENS = (
    Screen("franceconnect/depart", "/", None, (goes_no_further, sends(FRANCECONNECT))),
    Screen("franceconnect/choix", "/", None, (
        sends(FRANCECONNECT), lambda page, world: page.wait_for_url(f"{world.standin}/**"))),
    Screen("franceconnect/arrivee", "/", None, (sends(FRANCECONNECT), logs_in("durand"))),
    Screen("franceconnect/abandon", "/", None, (
        sends(FRANCECONNECT), lambda page, world: page.wait_for_url(f"{world.standin}/**"),
        lambda page, world: page.locator("button[value=annuler]").click(),
        lambda page, world: page.wait_for_url(f"{world.url}/**"))),
    Screen("franceconnect/perdu", "/franceconnect/retour"),
    Screen("franceconnect/fin", "/", None, (
        sends(FRANCECONNECT), logs_in("morvan"), goes_no_further,
        lambda page, world: page.locator("form[action$='/deconnexion'] button").click())),
    Screen("franceconnect/deconnecte-la-bas", "/", None, (
        sends(FRANCECONNECT), logs_in("bellerose"),
        lambda page, world: page.goto(f"{world.standin}/api/v2/session/end?id_token_hint={world.id_token()}"))),
    Screen("franceconnect/deconnecte-ici", "/", mandant, (
        lambda page, world: page.locator("form[action$='/deconnexion'] button").click(),)),
    Screen("franceconnect/erreur-la-bas", "{w.standin}/api/v2/authorize"),
)

CERTIFIED = (
    Screen("certifiee/etablir", "/mes-procurations/{w.files[deposee].id}/sans-deplacement", mandant),
    Screen("certifiee/resilier", "/mes-procurations/{w.files[validee].id}/resilier/sans-deplacement", mandant),
    Screen("certifiee/depart", "/mes-procurations/{w.files[deposee].id}/sans-deplacement", mandant, (
        goes_no_further, sends("/identite"))),
    Screen("certifiee/choix", "/mes-procurations/{w.files[deposee].id}/sans-deplacement", mandant, (
        sends("/identite"), lambda page, world: page.wait_for_url(f"{world.standin}/plus/**"))),
    Screen("certifiee/relire", "/", None, (without_a_visit(), proves("bellerose"))),
    Screen("certifiee/relire-resilier", "/", None, (without_a_visit("/resilier", "morvan"), proves("morvan"))),
    Screen("certifiee/trop-tard", "/", None, (
        without_a_visit(), proves("bellerose"), forgets_the_proof, sends("/sans-deplacement"))),
    Screen("certifiee/autre-personne", "/", None, (without_a_visit(), proves("durand"))),
    Screen("certifiee/niveau", "/", None, (without_a_visit(), proves("bellerose", "eidas1"))),
    Screen("certifiee/perdue", "/franceconnect/retour-certifie"),
    Screen("certifiee/deja-etablie", "/mes-procurations/{w.files[etablie].id}/sans-deplacement", mandant),
    Screen("certifiee/fin", "/", None, (
        without_a_visit(), proves("bellerose"), goes_no_further,
        lambda page, world: page.locator("form[action$='/deconnexion'] button").click())),
)

PROCONNECT_SCREENS = (
    Screen("proconnect/depart", "/connexion", None, (goes_no_further, sends(PROCONNECT))),
    Screen("proconnect/choix", "/connexion", None, (
        sends(PROCONNECT), lambda page, world: page.wait_for_url(f"{world.standin}/pro/**"))),
    Screen("proconnect/arrivee", "/connexion", None, (by_proconnect("autre.mairie"),)),
    Screen("proconnect/inconnu", "/connexion", None, (by_proconnect("inconnue"),)),
    Screen("proconnect/niveau", "/connexion", None, (by_proconnect("niveau.faible"),)),
    Screen("proconnect/abandon", "/connexion", None, (by_proconnect("sans.second.facteur"),)),
    Screen("proconnect/perdu", "/proconnect/retour"),
    Screen("proconnect/fin", "/connexion", None, (
        by_proconnect("autre.mairie"), goes_no_further,
        lambda page, world: page.locator("form[action$='/deconnexion'] button").click())),
    Screen("proconnect/preuve", "/connexion", None, (linked_proof,)),
    Screen("proconnect/preuve-autre-compte", "/connexion", None, (
        linked_proof, sends("/proconnect/preuve"), logs_in("mairie"))),
    Screen("proconnect/preuve-portee", "/connexion", None, (
        fills_then_waits, sends("/proconnect/preuve"), logs_in("maire"))),
)

VOTER = (
    Screen("mandant/demande", "/demande", newcomer),
    Screen("mandant/demande-erreurs", "/demande", newcomer, (sends("/demande"),)),
    Screen("mandant/demande-fautes", "/demande", newcomer, (
        fills(email="camille@", commune="sainte-colombe", mandataire__birth_name="Dup0nt+", mandataire__nne="12",
              mandataire__birth_date__day="31", mandataire__birth_date__month="02",
              mandataire__birth_date__year="1980", mandataire__registered_in="Lyonn", tours=True),
        sends("/demande"))),
    Screen("mandant/demande-periode-fautive", "/demande", newcomer, (
        fills(**{**DEMANDE, "mandataire__birth_date__year": "2020"}, until__day="1", until__month="1",
              until__year="2020"), sends("/demande"))),
    Screen("mandant/demande-relue", "/demande", newcomer, ASKED),
    Screen("mandant/demande-relue-periode", "/demande", newcomer, PERIOD),
    Screen("mandant/demande-relue-deja-une", "/demande", mandant, ASKED),
    Screen("mandant/demande-modifiee", "/demande", newcomer, (*ASKED, sends("/demande", modifier="oui"))),
    Screen("mandant/demande-deposee", "/demande", newcomer, (*ASKED, sends("/demande", confirmer="oui"))),
    Screen("mandant/demande-trop-souvent", "/demande", asked_too_often(newcomer, FILED[0]), (
        *ASKED, sends("/demande", confirmer="oui"))),
    Screen("mandant/demande-expiree", "/demande", newcomer, (loses_its_token, sends("/demande"))),
    Screen("mandant/demande-trop-tard", "/demande", newcomer, (session_ends, sends("/demande"))),
    *(Screen(f"mandant/session-{what}", "/demande", newcomer, (hears_of_the_session(what),))
      for what in ("soon", "last", "over")),
    Screen("mandant/confirmation", "/demande/{w.files[deposee].id}/confirmation", mandant),
    Screen("mandant/mes-procurations-vide", "/mes-procurations", newcomer),
    Screen("mandant/mes-procurations", "/mes-procurations", mandant),
    Screen("mandant/retirer", "/mes-procurations/{w.files[deposee].id}/retirer", mandant),
    Screen("mandant/retirer-trop-tard", "/mes-procurations/{w.files[validee].id}/retirer", mandant),
    Screen("mandant/session-finie", "/mes-procurations"),
    *(Screen(f"mandant/recepisse-{status}", f"/mes-procurations/{{w.files[{status}].id}}/recepisse", mandant)
      for status in ("deposee", "etablie", "validee")),
    Screen("mandant/adresse-a-confirmer", "/mes-procurations", careful_voter),
    Screen("mandant/adresse-corriger", "/mes-procurations/{w.changed_address.id}/adresse", careful_voter),
    Screen("mandant/adresse-corriger-erreur", "/mes-procurations/{w.changed_address.id}/adresse", careful_voter, (
        fills(email="camille@"), sends("/adresse"))),
    Screen("mandant/adresse-confirmee", "/adresse/{w.other_address_token}", None, (sends(),)),
    Screen("mandant/resilier", "/mes-procurations/{w.files[validee].id}/resilier", mandant),
    Screen("mandant/a-resilier", "/mes-procurations/{w.ending.id}/resiliation", ending),
    Screen("mandant/mes-procurations-a-resilier", "/mes-procurations", ending),
    Screen("mandant/mes-donnees-vide", "/mes-donnees", newcomer),
    Screen("mandant/mes-donnees", "/mes-donnees", mandant, (unfolds,)),
    Screen("mandant/retrouver", LOST, newcomer),
    Screen("mandant/retrouver-erreur", LOST, newcomer, (sends("/retrouver"),)),
    Screen("mandant/retrouver-cherche", LOST, newcomer, SEARCHED),
    Screen("mandant/retrouver-trop", LOST, newcomer, SEARCHED * 6),
    Screen("mandant/retrouver-lien", f"{LOST}/{{w.found_token}}", renamed),
    Screen("mandant/retrouver-perdu", f"{LOST}/inconnu", newcomer),
)

MANDATAIRE = (
    Screen("mandataire/choisi", "/mandataire/{w.mandataire_token}"),
    Screen("mandataire/refuser", "/mandataire/{w.mandataire_token}/refuser"),
    Screen("mandataire/refuse", "/mandataire/{w.mandataire_token}/refuser", None, (sends("/refuser"),)),
    Screen("mandataire/silence", "/mandataire/{w.mandataire_token}", None, (sends("/ne-plus-ecrire"),)),
    Screen("mandataire/perdu", "/mandataire/inconnu"),
)

OFFICER = (
    Screen("guichet/vide", "/admin/guichet/", officer),
    Screen("guichet/mal-tapee", "/admin/guichet/", officer, (fills(reference="bonjour"), sends("/guichet/"))),
    Screen("guichet/inconnue", "/admin/guichet/", officer, (fills(reference="ZZZ ZZZ"), sends("/guichet/"))),
    *(Screen(f"guichet/{status}", "/admin/guichet/", officer, (looks_up(status),))
      for status in ("retiree", "refusee", "caduque", "etablie")),
    Screen("guichet/dossier", "/admin/guichet/", officer, (looks_up(),)),
    Screen("guichet/dossier-homonyme", "/admin/guichet/", officer, (looks_up_namesake,)),
    Screen("guichet/resiliation", "/admin/guichet/", officer, (looks_up_ending,)),
    Screen("guichet/dossier-erreurs", "/admin/guichet/", officer, (looks_up(), sends("/etablir"))),
    Screen("guichet/etablie-a-l-instant", "/admin/guichet/", officer, (looks_up(), establishes)),
    Screen("guichet/plus-tard", "/admin/guichet/", officer, (looks_up(), sends("/plus-tard"))),
    Screen("guichet/refuser", "/admin/guichet/", officer, (looks_up(), sends("/refuser"))),
    Screen("guichet/refuser-sans-motif", "/admin/guichet/", officer, (
        looks_up(), sends("/refuser"), sends("/refuser"))),
    Screen("guichet/refuser-apercu", "/admin/guichet/", officer, (
        looks_up(), sends("/refuser"), fills(reason="piece_non_probante"), sends("/refuser"))),
    Screen("guichet/refusee-a-l-instant", "/admin/guichet/", officer, (
        looks_up(), sends("/refuser"), fills(reason="piece_non_probante"), sends("/refuser"),
        sends("/refuser/confirmer"))),
    Screen("guichet/dossier-ferme", "/admin/guichet/", officer, (
        looks_up(), lambda page, world: page.locator("[name=file]").first.evaluate("field => field.value = 'autre'"),
        fills(document=True, identity=True, consent=True), sends("/etablir"))),
    Screen("guichet/actes-vide", "/admin/guichet/actes", officer),
    Screen("guichet/actes", "/admin/guichet/actes", busy_officer),
    Screen("guichet/acte", "/admin/guichet/actes/{w.act.id}", busy_officer),
    Screen("guichet/defaire", "/admin/guichet/actes/{w.act.id}/defaire", busy_officer),
    Screen("guichet/defaire-sans-motif", "/admin/guichet/actes/{w.act.id}/defaire", busy_officer, (
        sends("/defaire"),)),
    Screen("guichet/non-habilite", "/admin/guichet/", unfit_officer),
    Screen("guichet/date-demandee", "/admin/guichet/", asked_too_often(officer, look_ups.GUESSES), (looks_up(),)),
    Screen("guichet/date-fautive", "/admin/guichet/", asked_too_often(officer, look_ups.GUESSES), (
        fills(reference="ZZZ ZZZ", birth_date__day="31", birth_date__month="2", birth_date__year="1980"),
        sends("/guichet/"))),
    Screen("guichet/paire-inconnue", "/admin/guichet/", asked_too_often(officer, look_ups.GUESSES), (
        fills(reference="ZZZ ZZZ", birth_date__day="1", birth_date__month="2", birth_date__year="1980"),
        sends("/guichet/"))),
    Screen("guichet/trop-de-recherches", "/admin/guichet/", asked_too_often(officer, look_ups.OFTEN[0]), (
        looks_up(),)),
    Screen("guichet/recherche-suspendue", "/admin/guichet/", suspended_officer),
    Screen("guichet/propre-dossier", "/admin/guichet/", officer, (looks_up_own,)),
    Screen("ministere/agent-recherche-suspendue", "/admin/agents/details/?id={w.suspended.id}", ministere),
)

GRID, DETAILS = "/admin/procurations/", "/admin/procurations/details/?id="
PAPER, CORRECTED = "/admin/papier/", "/admin/papier/corriger/?id={w.paper_act.id}"


def types_an_act(page, world):
    """One of yesterday."""
    day = scrutins.today(world.lyon) - datetime.timedelta(days=1)
    dated = {f"established_on__{part}": str(getattr(day, part)) for part in ("day", "month", "year")}
    fills(**{name.replace("-", "__"): text for name, text in WRITTEN.items()}, **dated, tours=True)(page, world)
    sends()(page, world)


def ended_on_paper(page, world):
    day = scrutins.today(world.lyon)
    fills(authority="Claude Bernard", quality="capitaine, OPJ", place="Bron",
          **{f"established_on__{part}": str(getattr(day, part)) for part in ("day", "month", "year")})(page, world)
    sends("/resilier/")(page, world)


def has_a_letter(page, world):
    assert world.letter
    page.reload()


def searches(words):
    return fills(words=words), sends("/search/")


COMMUNE = (
    Screen("mairie/accueil", "/admin/", mairie),
    Screen("mairie/grille", GRID, mairie),
    Screen("mairie/grille-a-traiter", f"{GRID}?flt_status=etablie", mairie),
    Screen("mairie/grille-vide", GRID, elsewhere),
    Screen("mairie/grille-filtree-vide", f"{GRID}?flt_status=annulee", elsewhere),
    Screen("mairie/recherche", GRID, mairie, searches("exemp")),
    Screen("mairie/recherche-vaine", GRID, mairie, searches("introuvable")),
    *(Screen(f"mairie/dossier-{status}", f"{DETAILS}{{w.files[{status}].id}}", mairie)
      for status in ("etablie", "validee", "invalidee", "annulee", "resiliee")),
    Screen("mairie/dossier-inconnu", f"{DETAILS}999999", mairie),
    *(Screen(f"mairie/{act}{suffix}", f"/admin/procurations/{act}/?id={{w.files[{status}].id}}", mairie, steps)
      for act, status, reason in (("invalider", "etablie", "mandant_non_inscrit"),
                                  ("annuler", "validee", "deces_du_mandataire"))
      for suffix, steps in (
          ("", ()), ("-sans-motif", (sends(f"/{act}/"),)),
          ("-apercu", (fills(reason=reason, comment="Introuvable sur la liste de Lyon."), sends(f"/{act}/"))))),
    Screen("mairie/reprendre", "/admin/procurations/reprendre/?id={w.files[invalidee].id}", mairie),
    Screen("mairie/invalider-trop-tard", "/admin/procurations/invalider/?id={w.files[annulee].id}", mairie),
    Screen("mairie/validee-a-l-instant", f"{DETAILS}{{w.fresh_file.id}}", mairie, (sends("/valider/"),)),
    Screen("mairie/plusieurs", f"{GRID}?flt_status=etablie", mairie, (
        ticks_rows, sends("/action/", action="valider"))),
    *(Screen(f"mairie/resilier{suffix}", "/admin/procurations/resilier/?id={w.files[validee].id}", mairie, steps)
      for suffix, steps in (("", ()), ("-erreurs", (sends("/resilier/"),)), ("-apercu", (ended_on_paper,)))),
    Screen("mairie/reprendre-sans-place", "/admin/procurations/reprendre/?id={w.reopened.id}", mairie),
    Screen("mairie/dossier-homonyme", f"{DETAILS}{{w.blocked.id}}", mairie),
    Screen("mairie/distinguer", "/admin/procurations/distinguer/?id={w.blocked.id}&role=mandataire", mairie),
    *(Screen(f"mairie/attention-{why}", f"{DETAILS}{{w.alerted[{why}].id}}", mairie)
      for why in Procuration.ATTENTIONS),
    Screen("mairie/a-revoir", f"{GRID}?flt_attention=any", mairie),
    Screen("mairie/papier", PAPER, mairie),
    Screen("mairie/papier-erreurs", PAPER, mairie, (sends(),)),
    Screen("mairie/papier-enregistre", f"{PAPER}?apres={{w.paper_act.id}}", mairie),
    Screen("mairie/papier-double", PAPER, mairie, (types_an_act, types_an_act)),
    Screen("mairie/papier-dossier", f"{DETAILS}{{w.paper_act.id}}", mairie),
    Screen("mairie/papier-corriger", CORRECTED, mairie),
    Screen("mairie/papier-comparer", CORRECTED, mairie, (
        fills(place="Villeurbanne", hour="9 h 15"), sends("/corriger/"))),
    Screen("mairie/papier-corrige", CORRECTED, mairie, (
        fills(quality="capitaine, OPJ"), sends("/corriger/"), sends("/corriger/", confirmer="oui"))),
    Screen("mairie/courriers", "/admin/courriers/?flt_state=letter", mairie, (has_a_letter,)),
    Screen("mairie/courriers-vide", "/admin/courriers/?flt_state=letter", elsewhere),
    Screen("mairie/courrier", "/admin/courriers/details/?id={w.letter.id}", mairie),
    Screen("mairie/courriers-imprimer", "/admin/courriers/imprimer/", mairie, (has_a_letter,)),
    Screen("mairie/courriers-notes", "/admin/courriers/?flt_state=letter", mairie, (
        has_a_letter, ticks_rows, sends("/action/", action="poster"))),
    Screen("mairie/liste", "/admin/liste/", mairie),
    Screen("mairie/liste-vide", "/admin/liste/", elsewhere),
    Screen("mairie/liste-recherche", "/admin/liste/", mairie, searches("a")),
    Screen("mairie/liste-importer", "/admin/liste/importer", mairie),
    Screen("mairie/liste-importer-rien", "/admin/liste/importer", mairie, (sends("/envoyer"),)),
    Screen("mairie/liste-lecture", "/admin/liste/importer?pause=oui", with_a_roll_file("13055", "reading", line=48)),
    Screen("mairie/liste-refusee", "/admin/liste/importer", with_a_roll_file("31555", "refused", refusal={
        "name": "RollForeign", "facts": {"line": 2, "code": "75056"}})),
    Screen("mairie/liste-lue", "/admin/liste/importer", with_a_smaller_roll),
    Screen("mairie/liste-etrangere", "/admin/liste/", with_a_roll_of_strangers),
    Screen("mairie/liste-lue-sans-coche", "/admin/liste/importer", with_a_smaller_roll, (sends("/remplacer"),)),
    Screen("maire/accueil", "/admin/", maire),
    Screen("maire/rappels", "/admin/rappels/", maire),
    Screen("maire/rappels-arretes", "/admin/rappels/", manager_elsewhere, (sends("/rappels/", rappels="non"),)),
    Screen("maire/comptes", "/admin/comptes/", maire),
    Screen("maire/compte", "/admin/comptes/details/?id={w.colleague.id}", maire),
    Screen("maire/compte-modifier", "/admin/comptes/edit/?id={w.colleague.id}", maire),
    Screen("maire/compte-nouveau", "/admin/comptes/new/", maire),
    Screen("maire/compte-nouveau-erreurs", "/admin/comptes/new/", maire, (sends(),)),
    Screen("maire/compte-invitation", "/admin/comptes/details/?id={w.colleague.id}", maire, (sends("/inviter/"),)),
    Screen("maire/compte-double-authentification",
           "/admin/comptes/double-authentification/?id={w.colleague.id}", maire),
    Screen("maire/compte-lien-proconnect", "/admin/comptes/proconnect/?id={w.colleague.id}", maire),
)

PROFILE = (
    Screen("profil/mairie", "/admin/profil/", mairie),
    Screen("profil/double-authentification", "/admin/profil/double-authentification", mairie),
    Screen("profil/double-authentification-faux", "/admin/profil/double-authentification", mairie, (
        fills(code="000000"), sends())),
    Screen("profil/protege", "/admin/profil/", guarded),
    Screen("profil/cle-ajouter", "/admin/profil/cles-d-acces/ajouter", guarded),
    Screen("profil/cle-ajouter-refusee", "/admin/profil/cles-d-acces/ajouter", guarded, (submits(),)),
    Screen("profil/cle-renommer", "/admin/profil/cles-d-acces/{w.passkey.id}/renommer", guarded),
    Screen("profil/cle-retirer", "/admin/profil/cles-d-acces/{w.passkey.id}/retirer", guarded),
    Screen("profil/double-authentification-changer", "/admin/profil/double-authentification", guarded),
    Screen("profil/mot-de-passe", "/admin/profil/mot-de-passe", mairie),
    Screen("profil/mot-de-passe-erreurs", "/admin/profil/mot-de-passe", mairie, (sends(),)),
    Screen("profil/preuve", "/admin/profil/mot-de-passe", guarded, (proof_ages,)),
    Screen("profil/preuve-fausse", "/admin/profil/mot-de-passe", guarded, (
        proof_ages, fills(preuve_code="000000"), sends("/preuve"))),
    Screen("profil/preuve-mot-de-passe", "/admin/comptes/new/", maire, (proof_ages,)),
    Screen("profil/preuve-portee", "/admin/comptes/new/", maire, (
        lambda page, world: WebSession.update(proved_at=None).execute(), sends())),
    Screen("profil/codes-de-secours", "/admin/profil/codes-de-secours", guarded),
    Screen("profil/codes-de-secours-nouveaux", "/admin/profil/codes-de-secours", guarded, (sends(),)),
)

MINISTRY = (
    Screen("ministere/accueil", "/admin/", ministere),
    Screen("ministere/scrutins", "/admin/scrutins/", ministere),
    Screen("ministere/scrutin", "/admin/scrutins/details/?id={w.scrutin.id}", ministere),
    Screen("ministere/scrutin-modifier", "/admin/scrutins/edit/?id={w.scrutin.id}", ministere),
    Screen("ministere/scrutin-nouveau", "/admin/scrutins/new/", ministere),
    Screen("ministere/scrutin-nouveau-erreurs", "/admin/scrutins/new/", ministere, (sends(),)),
    Screen("ministere/tours", "/admin/tours/", ministere),
    Screen("ministere/tour", "/admin/tours/details/?id={w.tour.id}", ministere),
    Screen("ministere/tour-modifier", "/admin/tours/edit/?id={w.tour.id}", ministere),
    Screen("ministere/tour-nouveau", "/admin/tours/new/", ministere),
    Screen("ministere/tour-supprimer", "/admin/tours/delete/?id={w.tour.id}", ministere),
    Screen("mairie/registre", "/admin/registre/", mairie),
    Screen("mairie/registre-vide", "/admin/registre/", elsewhere),
    Screen("mairie/registre-ligne", "/admin/registre/details/?id={w.files[validee].id}", mairie),
    Screen("ministere/jours", "/admin/jours/", ministere),
    Screen("ministere/jour", "/admin/jours/details/?id={w.tour_day.id}", ministere),
    Screen("ministere/jour-modifier", "/admin/jours/edit/?id={w.tour_day.id}", ministere),
    Screen("ministere/jour-nouveau", "/admin/jours/new/?tour={w.tour.id}", ministere),
    Screen("ministere/jour-supprimer", "/admin/jours/delete/?id={w.tour_day.id}", ministere),
    Screen("ministere/regles", "/admin/regles/?{w.rules.id}", ministere),
    Screen("ministere/regle", "/admin/regles/details/?id={w.rules.id}", ministere),
    Screen("ministere/regle-modifier", "/admin/regles/edit/?id={w.rules.id}", ministere),
    Screen("ministere/regle-nouvelle", "/admin/regles/new/", ministere),
    Screen("ministere/regle-modele", "/admin/regles/new/?modele=2021", ministere),
    Screen("ministere/regle-supprimer", "/admin/regles/delete/?id={w.rules.id}", ministere),
    Screen("ministere/communes", "/admin/communes/", ministere),
    Screen("ministere/communes-recherche", "/admin/communes/", ministere, searches("sainte-colombe")),
    Screen("ministere/commune", "/admin/communes/details/?id=69123", ministere),
    Screen("ministere/commune-modifier", "/admin/communes/edit/?id=13055", ministere),
    Screen("ministere/commune-inviter", "/admin/communes/inviter/?id=69123", with_an_address),
    Screen("ministere/commune-inviter-refus", "/admin/communes/inviter/?id=69123", with_an_address, (
        sends("/inviter/"),)),
    Screen("ministere/commune-sans-adresse", "/admin/communes/inviter/?id=31555", ministere),
    Screen("ministere/silences", "/admin/communes-en-attente/", ministere),
    Screen("ministere/silences-fin", "/admin/communes-en-attente/?page=9", ministere),
    Screen("ministere/importer", "/admin/agents/importer/", with_accounts_file("former")),
    Screen("ministere/importer-rien", "/admin/agents/importer/", with_accounts_file("former"), (sends("/envoyer"),)),
    Screen("ministere/importer-lecture", "/admin/agents/importer/?pause=oui", with_accounts_file("reading")),
    Screen("ministere/importer-lu", "/admin/agents/importer/", with_accounts_file("ready")),
    Screen("ministere/importer-mairies", "/admin/agents/importer/", with_accounts_file("ready", "mairies", report={
        "create": 0, "change": 0, "end": 0, "same": 34_969, "refused": 0})),
    Screen("ministere/importer-ecriture", "/admin/agents/importer/?pause=oui", with_accounts_file("applying")),
    Screen("ministere/importer-fini", "/admin/agents/importer/", with_accounts_file("done")),
    Screen("ministere/importer-refuse", "/admin/agents/importer/", with_accounts_file("refused", refusal={
        "name": "AgentFileHeaders", "facts": {"missing": "courriel, nom"}})),
    Screen("ministere/agents", "/admin/agents/", ministere),
    Screen("ministere/agent", "/admin/agents/details/?id=1", ministere),
    Screen("ministere/agent-modifier", "/admin/agents/edit/?id=1", ministere),
    Screen("ministere/agent-nouveau", "/admin/agents/new/", ministere),
    Screen("ministere/agent-nouveau-erreurs", "/admin/agents/new/", ministere, (sends(),)),
    Screen("ministere/agent-double-authentification", "/admin/agents/double-authentification/?id=1", ministere),
    Screen("ministere/agent-lien-proconnect", "/admin/agents/proconnect/?id=1", ministere),
    Screen("ministere/style", "/admin/style/", ministere),
    Screen("ministere/agent-invitation", "/admin/agents/details/?id=1", ministere, (sends("/inviter/"),)),
    Screen("ministere/courriels", "/admin/courriels/", with_a_held_mail),
    Screen("ministere/courriel", "/admin/courriels/details/?id={w.mail.id}", ministere),
    Screen("ministere/journal", "/admin/journal/", ministere),
    Screen("ministere/taches", "/admin/travaux/", with_tasks),
    Screen("ministere/tache", "/admin/travaux/details/?id={w.task.id}", with_tasks),
    Screen("ministere/evenement", "/admin/journal/details/?id={w.event.id}", ministere),
)

ERROR = tuple(Screen(f"erreurs/{name}", f"/erreur/{name}") for name in ERRORS) + (
    Screen("erreurs/404-mandant", "/nulle-part", mandant),
    Screen("erreurs/404-agent", "/admin/nulle-part", mairie),
    Screen("erreurs/405", "/deconnexion"),
)

DEMO = (
    Screen("demonstration/courriels", "{w.standin}/courriels/"),
    Screen("demonstration/courriel", "{w.standin}/courriels/", None, (
        lambda page, world: page.locator("li a").first.click(),)),
    Screen("demonstration/modeles", "{w.standin}/courriels/modeles"),
)

MAILS = tuple(Screen(f"courriels/{name}", f"{{w.standin}}/courriels/modeles/{name}") for name in (*SAMPLES, *LINKS))

HARD_SCREENS = tuple(
    Screen(f"difficile/{screen}-{name.replace(' ', '-')}", path, who, steps)
    for name in HARD for screen, path, who, steps in (
        ("accueil", "/", hard_voter(name), ()),
        ("demande", "/demande", hard_voter(name), ()),
        ("demande-relue", "/demande", hard_voter(name), (
            fills(**{**DEMANDE, "mandataire__birth_name": "A" * 60, "mandataire__first_names": "B" * 60}, tours=True),
            sends("/demande"))),
        ("mes-procurations", "/mes-procurations", hard_voter(name), ()),
        ("guichet", "/admin/guichet/", officer, (looks_up_hard(name),)),
        ("guichet-refuser", "/admin/guichet/", officer, (looks_up_hard(name), sends("/refuser"))),
    )) + (
    Screen("difficile/grille", GRID, hard_agent),
    Screen("difficile/recherche", GRID, hard_agent, searches("van")),
)

SCREENS = (*PUBLIC, *FRANCECONNECT_SCREENS, *CERTIFIED, *PROCONNECT_SCREENS, *VOTER, *MANDATAIRE, *OFFICER, *COMMUNE,
           *PROFILE, *MINISTRY, *ERROR, *DEMO, *MAILS, *HARD_SCREENS)
