"""What every door refuses, whichever it is: more than its form asks for, ways out, formulas, names that are code, and
cookies of sessions that are over.

Elsewhere: who may come in where and forms without their token (test_matrix.py), what belongs to others
(test_foreign_ids.py), codes that served already (test_second_factor.py), forged answers of FranceConnect and of
ProConnect (test_franceconnect.py, test_certifiee.py, test_proconnect.py), references tried at random (test_officer.py).
"""
import ast
import csv
import html
import io
import re
import subprocess
import sys
from urllib.parse import urljoin, urlsplit

import pytest
from flask import abort

from app import create_app
from models import TABLES, Event, Mail, Personne, Role, WebSession, database, now
from portal import access, accounts, limits, outbox, second_factor, settings, step_up
from portal.database import migrations, open_database
from portal.error_pages import PAGES
from tests import matrix
from tests.factories import a_mandataire, a_procuration, a_voter
from tests.lint import Page
from tests.matrix import ROLES, TOKEN, connected
from tests.test_back_office import Desk
from tests.test_house import ROOT, product_files
from tests.test_settings import SAFE

MARK = "zorglub"        # of what nobody asked for
ABROAD = "evil.example"


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    yield matrix.Doors(tmp_path_factory.mktemp("doors"))
    if not database.is_closed():
        database.close()


# --- Nothing is written but what a form asks for (mass assignment, ASVS 15.3.3) ---------------------------------------

NEVER_TYPED = {
    "id", "status", "version", "password_hash", "totp_secret", "totp_since", "suspended_at", "look_up_suspended_at",
    "seen_at", "created_at", "issuer", "sub", "officer", "agent", "voter", "established_at", "origin", "verdict",
    "checks", "attention", "token_hash", "proved_at", "seq", "hash", "hmac"}


def test_no_form_of_the_back_office_has_a_field_that_is_the_portal_s(doors):
    views = [view for view in doors.views.values() if getattr(view, "form_columns", ())]
    typed = {view.endpoint: set(view.form_columns) for view in views}
    assert {endpoint: found for endpoint, columns in typed.items() if (found := columns & NEVER_TYPED)} == {}
    assert {"agents", "comptes", "scrutins"} <= set(typed)


def poison(own):
    """A value for each column of each table that a form has no field for."""
    known = {"role": "ministry", "status": "annulee", "commune": "75056", "version": "777777", "place": "2"}
    columns = {column.name for table in TABLES for column in table._meta.sorted_fields} - {"id", "url"}
    fields = {name: known.get(name, MARK) for column in columns for name in (column, f"{column}_id")}
    return {name: value for name, value in fields.items() if name not in own}


def forms(doors):
    """(role, address of the page, address of the form, its fields) of each form that is posted, on each page."""
    for rules in doors.rules():
        rule = next((rule for rule in rules if "GET" in rule.methods), None)
        for role in ROLES if rule else ():
            answer = doors.ask(role, "GET", doors.address(rule))
            if answer.status_code == 200 and answer.mimetype == "text/html":
                page = Page(answer.text)
                for form in page.all("form"):
                    if form.get("method") == "post":
                        yield role, urljoin(doors.address(rule), form.get("action") or ""), Desk.values(page, form)


FILLED = {"first_name": "Alix", "last_name": "Martin", "email": "alix.martin@exemple.fr", "name": "Élections"}


def rows():
    """Every cell of the database but the traces', as text."""
    return {(table, row[0], column): str(value) for table in TABLES if table is not Event
            for row in table.select().tuples() for column, value in zip(table._meta.sorted_field_names, row)}


def test_no_post_writes_what_its_form_does_not_ask_for(doors):
    """Each form of each page, sent as it is shown and with a value for every column there is."""
    with connected():
        before, seen, found = rows(), set(), []
    for role, address, own in forms(doors):
        own = {name: value or FILLED.get(name, "") for name, value in own.items()}
        if (address, *sorted(own)) not in seen:     # once, by the first role that is shown it
            seen.add((address, *sorted(own)))
            found += stained(doors, role, address, own, before)
    assert found == [] and len(seen) > 30


def stained(doors, role, address, own, before):
    answer = doors.ask(role, TOKEN, address, data={**poison(own), **own}, keep=True)
    with connected():
        after = rows()
    doors.restore()
    faults = [f"{address} ({role}) wrote {column} of {table.__name__}" for (table, key, column), value in after.items()
              if value != before.get((table, key, column)) and (MARK in value or value == "777777" or (
                  column, value) in (("role", "ministry"), ("status", "annulee"), ("commune", "75056")))]
    return faults + ([f"{address} ({role}) broke"] if answer.status_code == 500 else [])


# --- No way out (open redirects, ASVS 3.7.2) --------------------------------------------------------------------------

OUT = [f"//{ABROAD}", f"///{ABROAD}", f"////{ABROAD}", f"/\\{ABROAD}", f"\\\\{ABROAD}", f"\\/{ABROAD}", f"/\\/{ABROAD}",
       f"https://{ABROAD}", f"https:{ABROAD}", f"https:/{ABROAD}", f"HTTPS://{ABROAD}", f"http:///{ABROAD}",
       f"/\t/{ABROAD}", f"/%09/{ABROAD}", f"/\r\n/{ABROAD}", f"\t//{ABROAD}", f"/admin/\r\nLocation: //{ABROAD}",
       f"https://localhost@{ABROAD}", f"//localhost:80@{ABROAD}", f"https://localhost.{ABROAD}", f"/／{ABROAD}",
       f"//{ABROAD}%2f..", "javascript:alert(1)", "data:text/html,x", f"/\u2028/{ABROAD}"]
NAMES = ("suite", "preuve_suite", "next", "url", "return_url", "redirect", "redirect_uri", "retour", "apres")


def leads_out(location):
    """As browsers read it: blanks around and line breaks within go, backslashes are slashes."""
    read = re.sub(r"[\t\r\n]", "", location.strip()).replace("\\", "/")
    read = re.sub(r"^(https?):/*", r"\1://", read, flags=re.IGNORECASE)
    target = urlsplit(urljoin("http://localhost/a/b", re.sub(r"^/{2,}", "//", read)))
    return target.scheme not in ("http", "https") or target.hostname != "localhost"


@pytest.mark.parametrize("out", OUT)
def test_what_is_typed_leads_nowhere_else(doors, out):
    """The places that go on to where they were asked from: a log-in, a proof, an address nobody serves."""
    assert len(OUT) == 25 and not leads_out(step_up.own_page(out))
    for role, method, address in ((None, "GET", "/"), ("voter", "GET", "/"), ("ministry", TOKEN, "/connexion/preuve"),
                                  ("ministry", TOKEN, "/admin/agents/edit/?id=1"), ("voter", TOKEN, "/deconnexion"),
                                  ("commune", TOKEN, "/admin/procurations/search/"), (None, TOKEN, "/connexion")):
        query = {name: out for name in NAMES}
        sent = {"query_string": query} if method == "GET" else {"data": query}
        answer = doors.ask(role or "anonymous", method, address, headers={"Referer": f"//{ABROAD}"}, **sent)
        assert leading_out(answer) == []


def leading_out(answer):
    """Where an answer leads that is not ours: its redirect, its links, its forms, what it goes on to by itself."""
    page = Page(answer.text if answer.mimetype == "text/html" else "")
    found = [tag.get(name) for tag in page.tags for name in ("href", "action", "formaction", "src") if tag.get(name)]
    found += [tag["content"].partition("url=")[2] for tag in page.all("meta") if tag.get("http-equiv") == "refresh"]
    return [where for where in (answer.location, *found) if where and (ABROAD in where or where.startswith((
        "javascript:", "data:text"))) and leads_out(where)]


@pytest.mark.parametrize("path", [f"//{ABROAD}/admin", f"/admin//{ABROAD}", f"//{ABROAD}/..", f"/\\{ABROAD}/admin",
                                  f"//{ABROAD}/connexion", f"/connexion/../../{ABROAD}", f"//{ABROAD}//mes-donnees"])
def test_an_address_with_slashes_too_many_leads_nowhere_else(doors, path):
    for role in ("anonymous", "ministry"):
        answer = doors.ask(role, "GET", "/", environ_overrides={"PATH_INFO": path})
        assert not answer.location or not leads_out(answer.location)


def test_a_page_that_leads_out_is_caught():
    assert all(leads_out(out) for out in OUT[:12]) and not leads_out("/admin/?a=//b") and not leads_out("demande")


# --- No formula (ASVS 1.2.10) -----------------------------------------------------------------------------------------

FORMULAS = ["=1+1", "+33 6", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u00a0=HYPERLINK(\"//x\")", "＝1", "＋1", "＠A1",
            "'=1;=2"]


def test_no_cell_of_an_exported_file_begins_a_formula(doors):
    """Each file that a spreadsheet opens: names as no form would take them, written straight into the database."""
    with connected():
        people = [Personne.get(Personne.procuration == doors.validee, Personne.role == role)
                  for role in ("mandant", "mandataire")]
        exports = [rule for rules in doors.rules() for rule in rules if rule.endpoint.endswith(".export")]
    for formula in FORMULAS:
        with connected():
            for person in people:
                Personne.update(birth_name=formula, first_names=formula).where(Personne.id == person.id).execute()
        for rule in exports:
            text = doors.ask("commune", "GET", doors.address(rule), keep=True).get_data().decode("utf-8-sig")
            cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=";") for cell in row]
            assert any(formula.strip("\t\r \u00a0'")[1:] in cell for cell in cells), f"{rule} lost the name"
            assert not [cell for cell in cells if begins_a_formula(cell)]
        doors.restore()     # and the count of exports with it
    assert len(exports) > 1 and len(FORMULAS) == 12


def begins_a_formula(cell):
    return cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")) or cell[:1] in ("\t", "\r", "\0")


def test_csv_is_written_in_one_place():
    """Which takes formulas away: whoever writes another file goes through it."""
    writers = {path.name for path in product_files() for node in ast.walk(ast.parse(path.read_text()))
               if isinstance(node, ast.Attribute) and ast.unparse(node) in ("csv.writer", "csv.DictWriter")}
    assert writers == {"export.py"}


# --- Names that are code ----------------------------------------------------------------------------------------------

HARD = ["O", "x" * 60, "d’Œuvré-N’Guessan", "D'Arc", "Łukasz Đoković", "Nguyễn", "Zoe\u0308", "אבידן", "القاسم", "陳大文",
        "DE LA TOUR D'AUVERGNE", "Null", "None", "<script>alert(1)</script>", '"><img src=x onerror=x>', "{{ 7*7 }}",
        "O'Brien\"; DROP TABLE agent;--", "Robert\u202edlanor", "Zoé 😀", "%s%n${7}"]
CODE = re.compile(r"<script>alert|<img src=x|>49<")


@pytest.mark.parametrize("name", HARD)
def test_a_hard_name_is_text_wherever_it_is_shown(doors, name):
    """What no form takes too: an identity may come from FranceConnect, a roll or a hand in the database."""
    assert len(HARD) == 20
    with connected():
        file = a_file_of(doors, name)
        reference, letter = file.reference.code, Mail.get(Mail.state == "letter")
        texts = [answer.text for answer in pages_of(doors, file, reference, letter)]
    start = "".join(name.split())[:5].casefold()
    assert all(start in "".join(html.unescape(text).split()).casefold() for text in texts[:3])
    assert not [text for text in texts if CODE.search(text)]
    doors.restore()


def a_file_of(doors, name):
    """A request to present, whose two people are called so."""
    voter = a_voter(birth_name=name, first_names=name)
    mandataire = a_mandataire(birth_name=name, first_names=name)
    Personne.update(birth_name=name).where(Personne.procuration == doors.validee).execute()
    return a_procuration("deposee", voter, commune=doors.validee.commune, scrutin=doors.validee.scrutin,
                         mandataire=mandataire)


def pages_of(doors, file, reference, letter):
    """The counter, the grid, the file, the register, the letter, the file for a spreadsheet: none breaks."""
    asked = (("officer", TOKEN, "/admin/guichet/", {"data": {"reference": reference}}),
             ("commune", "GET", "/admin/procurations/", {}),
             ("commune", "GET", f"/admin/procurations/details/?id={doors.validee.id}", {}),
             ("commune", "GET", f"/admin/courriers/imprimer/?id={letter.id}", {}),
             ("commune", "GET", "/admin/registre/", {}))
    for role, method, address, sent in asked:
        answer = doors.ask(role, method, address, keep=True, follow_redirects=True, **sent)
        assert answer.status_code == 200, f"{address}: {answer.status_code}"
        yield answer


@pytest.mark.parametrize("name", HARD)
def test_a_hard_name_is_text_in_a_mail_and_on_paper(doors, name):
    with connected():
        file = a_file_of(doors, name)
        mail = Mail.select().where(Mail.procuration == file).order_by(Mail.id.desc()).first()
        message = outbox.compose(mail)
    text, page = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert not CODE.search(page) and "\n" not in message["Subject"] and name[:5] not in message["Subject"]
    assert text.strip()
    doors.restore()


# --- Every answer is strict, when something fails too -----------------------------------------------------------------

@pytest.fixture(scope="module")
def failing(doors):
    """The portal with an address that fails in each way."""
    doors.app._got_first_request = False

    @doors.app.get("/echec/<int:code>")
    @access.access(access.PUBLIC)
    def fail(code):
        abort(code) if code in PAGES and code not in (429, 500) else breaks(code)
    return doors


def breaks(code):
    if code == 429:
        raise limits.TooOften(retry_after=5)
    raise RuntimeError("broken")


@pytest.mark.parametrize("code", PAGES)
def test_a_page_that_tells_an_error_has_strict_headers(failing, code):
    for role in ("anonymous", "ministry"):
        answer = failing.ask(role, "GET", f"/echec/{code}")
        assert answer.status_code == code and matrix.weak(answer) == []


def test_what_is_too_large_or_from_a_foreign_host_has_strict_headers_too(failing):
    large = failing.ask("voter", "POST", "/demande", data={"commune": "x" * 2_000_000})
    foreign = failing.ask("voter", "GET", "/", headers={"Host": ABROAD})
    assert (large.status_code, foreign.status_code) == (413, 400)
    assert [*matrix.weak(large), *matrix.weak(foreign)] == []


def test_a_loose_header_is_caught(failing):
    answer = failing.ask("voter", "GET", "/aide")
    answer.headers["Content-Security-Policy"] += "; script-src 'unsafe-inline'"
    assert "unsafe policy of content" in matrix.weak(answer)
    del answer.headers["Content-Security-Policy"]
    assert "no policy of content by default" in matrix.weak(answer)


# --- A captured cookie dies with its session (ASVS 7.4) ---------------------------------------------------------------

def logs_out(doors, agent):
    doors.ask("commune", TOKEN, "/deconnexion", keep=True)


def is_suspended(doors, agent):
    accounts.suspend(doors.people[Role.MANAGER], agent)


def changes_role(doors, agent):
    where = f"/admin/comptes/edit/?id={agent.id}"
    page = Page(doors.ask("manager", "GET", where, keep=True).text)
    sent = next(own for form in page.all("form") if "role" in (own := Desk.values(page, form)))
    answer = doors.ask("manager", TOKEN, where, keep=True, data={**sent, "role": "manager"})
    assert answer.status_code == 303, answer.text


def chooses_another_password(doors, agent):
    accounts.choose_password(accounts.invite(agent), "une autre phrase assez longue")


def loses_the_second_factor(doors, agent):
    second_factor.reset(doors.people[Role.MANAGER], agent)


def is_idle(doors, agent):
    WebSession.update(seen_at=now().replace(year=now().year - 1)).where(WebSession.agent == agent).execute()


@pytest.mark.parametrize("end", [logs_out, is_suspended, changes_role, chooses_another_password,
                                 loses_the_second_factor, is_idle])
def test_a_captured_cookie_opens_nothing_once(doors, end):
    agent = doors.people[Role.COMMUNE]
    assert doors.ask("commune", "GET", "/admin/procurations/", keep=True).status_code == 200
    with connected():
        end(doors, agent)
    after = [doors.ask("commune", method, "/admin/procurations/search/" if method == TOKEN else "/admin/procurations/",
                       keep=True) for method in ("GET", TOKEN)]
    doors.restore()
    assert [doors.said(answer) for answer in after] == ["303 pages.connexion"] * 2


# --- Over https (ASVS 3.3, 3.4.1) -------------------------------------------------------------------------------------

@pytest.fixture
def production(tmp_path, doors):
    """A portal of its own, as production has it."""
    before, url = settings.active(), f"sqlite:///{tmp_path / 'there.db'}"
    there = {settings.PREFIX + name: value for name, value in (("DATABASE_URL", url), ("SQLITE_ALLOWED", "yes"))}
    open_database(url)
    migrations().up()
    database.close()
    yield create_app(settings.load({**SAFE, **there})).test_client()
    settings.use(before)
    open_database(before.database_url)


def test_over_https_the_cookie_is_this_host_s_alone_and_nobody_comes_back_without(production):
    answer = production.get("/connexion", base_url="https://maprocuration.example",
                            environ_overrides={"HTTP_X_FORWARDED_PROTO": "https"})
    name, *rest = answer.headers["Set-Cookie"].replace("=", "; ", 1).split("; ")
    assert answer.status_code == 200 and name == "__Host-maprocuration"
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(rest)
    assert "Domain" not in answer.headers["Set-Cookie"]
    seconds = re.fullmatch(r"max-age=(\d+); includeSubDomains", answer.headers["Strict-Transport-Security"])[1]
    assert int(seconds) >= 31_536_000


# --- Limits are those of all workers ----------------------------------------------------------------------------------

ANOTHER = """
import sys
from portal import limits, settings
from portal.database import open_database
settings.use(settings.Settings(database_url=sys.argv[1], secret_key="s" * 64))
open_database(sys.argv[1]).connect()
print(limits.count((limits.Limit("doors", 3, 60), "somebody"))[0].times)
"""


def test_what_one_worker_counted_the_others_know(doors):
    """Kept in the memory of each, four workers would let four times as many through."""
    with connected():
        assert limits.count((limits.Limit("doors", 3, 60), "somebody"))[0].times == 1
    other = subprocess.run([sys.executable, "-c", ANOTHER, settings.active().database_url], cwd=ROOT,
                           capture_output=True, text=True, check=True, timeout=60)
    doors.restore()
    assert other.stdout.strip() == "2"
