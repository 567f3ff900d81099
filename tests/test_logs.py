"""A line of the log is one event, whatever it says, and says no more than it may."""
import json
import logging

import pytest

from portal import logs

FORGED = "x\r\n2026-01-01T00:00:00.000+00:00 info maprocuration.access answered\u2028\x85\x0b"


def a_record(message, *values, name="maprocuration.essai", raised=None):
    return logging.getLogger(name).makeRecord(name, logging.WARNING, __file__, 1, message, values, raised)


@pytest.mark.parametrize("record", [a_record("refused: %s", FORGED), a_record(FORGED, name="waitress")])
def test_nobody_forges_a_line_of_json(record):
    line = logs.JsonLines().format(record)
    assert len(line.splitlines()) == 1 and line.isascii() and FORGED in json.loads(line)["event"]


def test_nobody_forges_a_line_of_text():
    first, *others = logs.TextLines().format(a_record("refused: %s", FORGED)).splitlines()
    assert first.endswith("refused: x") and all(line.startswith("    ") for line in others)


def test_an_exception_is_told_by_its_kind_and_its_place():
    try:
        raise ValueError("DURAND")
    except ValueError as error:
        told = json.loads(logs.JsonLines().format(a_record("failed", raised=(ValueError, error, error.__traceback__))))
    assert told["error"] == "ValueError" and told["where"][0].startswith("tests/test_logs.py:")
    assert "DURAND" not in str(told)


def test_of_a_librarys_lines_the_fixed_part_of_a_warning_is_kept():
    assert logs.facts(a_record("served %s", "/demande?nom=DURAND", name="waitress"))["event"] == "served %s"
    quiet = logging.LogRecord("peewee", logging.DEBUG, __file__, 1, ("SELECT ?", ["DURAND"]), (), None)
    assert not logs.is_wanted(quiet) and logs.is_wanted(a_record("served", name="waitress"))


def test_handlers_of_servers_that_print_everything_are_taken_off(monkeypatch):
    root, plain = logging.getLogger(), logging.StreamHandler()
    monkeypatch.setattr(root, "handlers", [*root.handlers, plain])
    logs._speak(logs.JsonLines(), None)
    assert plain not in root.handlers and root.handlers.count(logs.HANDLER) == 1
