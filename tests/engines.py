"""Which engines a test runs on: both, unless it says otherwise."""
import pytest

LOOPBACK = "127.0.0.0/8"      # whole suites come from one address: no limit counts by it
ENGINES = ("sqlite", "postgresql")
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)   # what the engine has no part in
