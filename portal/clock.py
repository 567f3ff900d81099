"""What is done without anybody asking: the works of `portal.jobs`, by name. Run by `flask worker` and `flask jobs run`.
"""
from portal import jobs, tours

WORKS = {
    "couvrir": tours.WORK,
}


def run(stopping=lambda: False, name=None):
    """Do what is due. Returns how much was done, 0 when there is nothing more."""
    return jobs.run(WORKS, stopping, name)


def plan():
    jobs.plan(WORKS)
