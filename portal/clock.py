"""What is done without anybody asking: the works of `portal.jobs`, by name. Run by `flask worker` and `flask jobs run`.
"""
from portal import (agent_import, anchors, decisions, erasure, eves, first_doors, idle, jobs, lapses, roll_import,
                    silences, tours)

WORKS = {
    **roll_import.WORKS,
    **agent_import.WORKS,
    **first_doors.WORKS,
    "perimer": lapses.LAPSE,
    "avertir": lapses.WARN,
    "veille": eves.WORK,
    "rappeler": silences.WORK,
    "couvrir": tours.WORK,
    "decider": decisions.DECIDE,
    "revoir": decisions.REVIEW,
    "ancrer": anchors.WORK,
    "desactiver": idle.CLOSE,
    **erasure.WORKS,
}


def run(stopping=lambda: False, name=None):
    """Do what is due, of the work `name` only if given. Returns how much was done, 0 when there is nothing more."""
    jobs.plan(WORKS)
    return jobs.run(WORKS, stopping, name)


def bring_forward(name):
    """The work `name` is due now, if it comes again and again and is not under way."""
    jobs.plan(WORKS)
    jobs.bring_forward(name)
