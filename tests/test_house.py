"""The house keeps itself clean: each test says what to do, and has one example it must catch."""
import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from flask import Flask
from flask_admin.contrib.peewee import ModelView

from admin_views import base
from models import TABLES
from portal import access, errors
from portal.catalogue import FOLDER
from tests.lint import faults

ROOT = Path(__file__).parent.parent
PRODUCT = ("app", "models", "portal", "admin_views")
ALLOWED = {  # who may import whom; portal/pages and admin_views never meet
    "models": set(),
    "portal": {"models", "portal"},
    "portal/pages": {"models", "portal", "portal/pages"},
    "admin_views": {"models", "portal", "admin_views"},
    "app": {"models", "portal", "portal/pages", "admin_views"},
}
ASSEMBLED = {("app", "portal/pages"), ("app", "admin_views")}
INLINE = re.compile(r"<style\b|<script(?![^>]*\bsrc=)|\son[a-z]+\s*=\s*[\"']|\sstyle\s*=\s*[\"']|javascript:")


def product_files():
    return [path for top in PRODUCT for path in ([ROOT / f"{top}.py"] if (ROOT / f"{top}.py").exists()
                                                 else sorted((ROOT / top).rglob("*.py")))]


def folder_of(path):
    """Which room of the house a file or a dotted module stands in; None outside it."""
    parts = path.relative_to(ROOT).with_suffix("").parts if isinstance(path, Path) else tuple(path.split("."))
    if parts[:2] == ("portal", "pages"):
        return "portal/pages"
    return parts[0] if parts[0] in (*PRODUCT, "demo", "tests", "benchmarks") else None


def imported(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def forbidden_imports(room, source):
    return [name for name in imported(source) if (target := folder_of(name)) and target not in ALLOWED[room]]


@pytest.mark.parametrize("path", product_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_go_down_only(path):
    found = forbidden_imports(folder_of(path), path.read_text())
    assert not found, f"{path.name} imports {found}: move what it needs lower (design, section 7)"


def test_an_arrow_that_goes_up_is_caught():
    assert forbidden_imports("portal", "from portal.pages.forms import DemandeForm")
    assert forbidden_imports("admin_views", "from portal.pages import home")
    assert forbidden_imports("portal/pages", "import demo.samples")


def services():
    return [path for path in (ROOT / "portal").glob("*.py")
            if path.stem not in ("access", "catalogue", "error_pages", "errors", "headers", "logs", "sessions",
                                 "static_files", "step_up", "throttling", "cli")]


def speaks_of_the_request(source):
    return [name for name in imported(source) if name in ("flask.request", "flask.session", "flask_login.current_user")]


@pytest.mark.parametrize("path", services(), ids=lambda path: path.name)
def test_services_take_an_actor_never_the_request(path):
    assert not speaks_of_the_request(path.read_text()), f"{path.name}: pass the actor instead"


def test_a_service_that_reads_the_request_is_caught():
    assert speaks_of_the_request("from flask_login import current_user")


def test_the_start_is_refused_when_a_route_carries_no_access_rule():
    app = Flask("house")
    access.install(app)
    app.add_url_rule("/porte", "porte", lambda: "")
    with pytest.raises(access.RouteWithoutAccess, match="/porte"):
        access.guard(app)


def test_every_route_is_known(app):
    """A new address is a promise: write it down in tests/urls.txt."""
    served = sorted({f"{rule.rule} {rule.endpoint}" for rule in app.url_map.iter_rules()})
    known = (ROOT / "tests" / "urls.txt").read_text().split("\n")
    assert served == [line for line in known if line]


def catalogue_keys():
    return {message.id for path in FOLDER.glob("*.po") for message in read_po(path.open("rb")) if message.id}


def used_keys(source):
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return {call.args[0].value for call in calls
            if getattr(call.func, "id", None) in ("gettext", "lazy_gettext", "_", "_l") and call.args
            and isinstance(call.args[0], ast.Constant)}


def test_every_sentence_python_asks_for_is_in_the_catalogue():
    asked = {key for path in product_files() for key in used_keys(path.read_text())}
    asked |= {f"error.{refused.__name__}" for refused in all_refusals(errors.Refused) if not refused.__subclasses__()}
    assert asked - catalogue_keys() == set(), "write these in portal/locale"


def all_refusals(parent):
    for child in parent.__subclasses__():
        yield child
        yield from all_refusals(child)


def test_a_key_without_a_sentence_is_caught():
    assert used_keys("gettext('error.Nowhere')") - catalogue_keys() == {"error.Nowhere"}


TEXT = re.compile(r"""f?"([^"\n]*)"|'([^'\n]*)'""")
BLANK = re.compile(r"{[^}]*}")


def sentences_nobody_asks_for(keys, source):
    """A key is asked for as it stands, or by a text with blanks (`f"form.{…}.label"`, `"menu." ~ …`) that words of the
    source, or names of tables, fill."""
    texts = {one or other for one, other in TEXT.findall(source)}
    words = {*re.findall(r"\w+", source), *(table._meta.table_name for table in TABLES)}
    made = [re.compile("".join("(.*)" if part is None else re.escape(part) for part in split_at_blanks(text)))
            for text in texts if re.match(r"\w+\.", text) and (BLANK.search(text) or text.endswith("."))]
    return {key for key in keys - texts
            if not any(set(re.findall(r"\w+", " ".join(found.groups()))) <= words
                       for pattern in made if (found := pattern.fullmatch(key)))}


def split_at_blanks(text):
    """Its fixed parts with None between them; what ends with a dot goes on."""
    parts = BLANK.split(text + "{}" if text.endswith(".") else text)
    return [piece for part in parts for piece in (part, None)][:-1]


def test_every_sentence_of_the_catalogue_is_asked_for():
    said = "".join(path.read_text() for path in [*product_files(), *templates()])
    assert sentences_nobody_asks_for(catalogue_keys(), said) == set(), "take these out of portal/locale"


def test_a_sentence_nobody_asks_for_is_caught():
    source = """gettext(f"form.{name}.label") _("menu." ~ view) gettext("yes") email agents"""
    keys = {"form.email.label", "menu.agents", "yes"}
    assert sentences_nobody_asks_for({*keys, "form.colour.label", "menu.nowhere", "no"}, source) == {
        "form.colour.label", "menu.nowhere", "no"}


def templates():
    return sorted((ROOT / "templates").rglob("*.*"))


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_template_holds_inline_script_style_or_handler(path):
    if "mails" not in path.parts:  # a mail has no stylesheet to link to
        assert not INLINE.search(path.read_text()), "the content security policy would block it"


@pytest.mark.parametrize("bad", ['<a onclick="x()">', "<p style='color:red'>", "<script>1</script>", "<style>"])
def test_inline_code_is_caught(bad):
    assert INLINE.search(bad)


def unused(names, text):
    return {name for name in names if name not in text}


def test_no_template_is_unused():
    """Mails are found by their registry, error pages by their number, Flask-Admin's by its own names."""
    names = {str(path.relative_to(ROOT / "templates")) for path in templates()}
    named = {name for name in names if not name.startswith(("mails/", "errors/4", "errors/5", "admin/model/"))}
    said = "".join(path.read_text() for path in [*product_files(), *templates()])
    assert unused(named, said) == set()
    assert unused({"nowhere.html"}, said) == {"nowhere.html"}


def imports_nobody_uses(template):
    """Names a template imports and does not say again; cells of a grid are found by their name."""
    lists = re.findall(r'{%-? from "[^"]+" import (.+?) -?%}', template)
    names = {name.split(" as ")[-1] for names in lists for name in names.removesuffix(" with context").split(", ")}
    return {name for name in names if not name.startswith("cell_") and len(re.findall(rf"\b{name}\b", template)) < 2}


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_import_of_a_template_is_used(path):
    assert imports_nobody_uses(path.read_text()) == set(), "take these out"


def test_an_import_nobody_uses_is_caught():
    assert imports_nobody_uses('{% from "a.html" import cell_x, alert, icon as sign with context %}{{ alert() }}') == {
        "sign"}


def overrides(view):
    """What a class of the back office's base writes anew of Flask-Admin's own methods."""
    ours = {name: getattr(part, "fget", part) for of in view.__mro__ if of.__module__.startswith("admin_views")
            for name, part in vars(of).items()}
    return {name for name, part in ours.items()
            if hasattr(ModelView, name) and getattr(part, "__module__", "").startswith("admin_views")}


def test_every_override_of_flask_admin_is_listed_with_its_reason():
    listed = (ROOT / "docs" / "back-office.md").read_text().partition("## What the base overrides")[2]
    assert {name for name in overrides(base.ScopedView) if f"`{name}`" not in listed} == set(), "say why in docs"
    assert {"get_query", "can_edit", "delete_view", "action_view"} <= overrides(base.ScopedView)


def silent_skips(source):
    """Lines that skip a test, or expect it to fail, and do not say why."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [call.lineno for call in calls
            if getattr(call.func, "attr", "") in ("skip", "skipif", "xfail")
            and not any(word.arg == "reason" for word in call.keywords)]


def test_no_test_is_skipped_without_a_reason():
    skips = {path.name: silent_skips(path.read_text()) for path in (ROOT / "tests").rglob("*.py")}
    assert not any(skips.values()), skips
    assert silent_skips("pytest.mark.skip()") and not silent_skips("pytest.mark.skipif(late, reason='too late')")


GOOD = """<html lang=fr><title>Accueil – Maprocuration</title><h1>Accueil</h1>
<form method=post><input type=hidden name=csrf_token><label for=a>A</label><input id=a name=a></form></html>"""


@pytest.mark.parametrize("before, after", [
    ("lang=fr", "lang=en"), ("<h1>", "<h1>B</h1><h1>"), ("<title>Accueil", "<title>Page"), ("id=a ", "id=a style=x "),
    ("<h1>", "<h1 onclick=x>"), ("for=a", "for=b"), ("name=csrf_token", "name=other"), ("<h1>", "<h1 id=a>"),
    ("<h1>", "<script>x</script><h1>")])
def test_a_bad_page_is_caught(before, after):
    assert faults(GOOD) == []
    assert faults(GOOD.replace(before, after, 1))
