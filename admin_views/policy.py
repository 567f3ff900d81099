"""Which rows of each table an agent may see. Written here once; what is not written is denied.

Lists, details, exports, actions, filters and forms all read through `visible`.
"""
from peewee import SQL

from models import (TOWN_HALL, Agent, AgentFile, Commune, Event, Job, Mail, Procuration, Role, Roll, RollFile, Rules,
                    Scrutin, Tour, TourDay)
from portal.errors import NotYours


def everything(actor):
    return SQL("1 = 1")


def nothing(actor):
    return SQL("1 = 0")


def established_here(actor):
    return (Procuration.commune == commune_of(actor)) & Procuration.established_at.is_null(False)


def letters_of(actor):
    """Letters have a commune, mails have none."""
    return Mail.commune == commune_of(actor)


def rolls_of(actor):
    return (Roll.commune == commune_of(actor)) & (Roll.state == "current")


def roll_file_of(actor):
    return RollFile.commune == commune_of(actor)


def of_own_town_hall(actor):
    return Agent.commune == commune_of(actor)


def commune_of(actor):
    """An account without a commune is refused: compared with NULL it would match rows that have none."""
    if not actor.commune_id:
        raise NotYours()
    return actor.commune_id


MINISTRY_ONLY = {Role.MINISTRY: everything}
POLICY = {
    Procuration: dict.fromkeys(TOWN_HALL, established_here),
    Agent: {Role.MANAGER: of_own_town_hall, Role.MINISTRY: everything},
    AgentFile: MINISTRY_ONLY,
    Roll: dict.fromkeys(TOWN_HALL, rolls_of),
    RollFile: dict.fromkeys(TOWN_HALL, roll_file_of),
    Commune: MINISTRY_ONLY,
    Scrutin: MINISTRY_ONLY,
    Tour: MINISTRY_ONLY,
    TourDay: MINISTRY_ONLY,
    Rules: MINISTRY_ONLY,
    Mail: {Role.MINISTRY: everything, **dict.fromkeys(TOWN_HALL, letters_of)},
    Event: MINISTRY_ONLY,
    Job: MINISTRY_ONLY,
}
NEVER_READ = {  # columns that leave the database for no grid
    Agent: ("password_hash", "totp_secret", "issuer", "sub"),
    Mail: ("recipient", "context"),
}


def visible(model, actor):
    """The rows of `model` that `actor` may see, as a query to refine. Raises NotYours for an empty perimeter."""
    condition = POLICY.get(model, {}).get(actor.role, nothing)(actor)
    columns = [column for column in model._meta.sorted_fields if column.name not in NEVER_READ.get(model, ())]
    return model.select(*columns).where(condition)
