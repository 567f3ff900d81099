"""Which engines a test runs on: both, unless it says otherwise."""
import pytest

ENGINES = ("sqlite", "postgresql")
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)   # what the engine has no part in
