"""What happened to an act since its town hall saw it (`Procuration.attention`), until somebody acts on the file or says
that nothing is to be done.
"""
from models import TOWN_HALL, Procuration
from portal import journal, scrutins
from portal.database import transaction
from portal.errors import NotYours, Refused

# A place lost asks for an act: the mandant was told of a vote that nobody can cast (L. 73).
SEEN_IS_ENOUGH = tuple(name for name in Procuration.ATTENTIONS if name != "place_perdue")


class SeenAlready(Refused):
    """A colleague was faster, or something else happened since."""

    status = 409


def still_matters(commune):
    """The condition that a file covers a day to come: afterwards there is nothing to decide."""
    return Procuration.valid_until >= scrutins.today(commune)


def put_aside(procuration, agent, attention):
    """The town hall saw what happened, and leaves the file as it is. Raises NotYours; SeenAlready unless `attention`,
    one of SEEN_IS_ENOUGH, is what the file still says."""
    if agent.role not in TOWN_HALL or agent.commune_id != procuration.commune_id:
        raise NotYours()
    with transaction():
        if attention not in SEEN_IS_ENOUGH or not (
                Procuration.update(attention=None)
                .where(Procuration.id == procuration.id, Procuration.attention == attention).execute()):
            raise SeenAlready()
        journal.record(agent, "noter_vu", "procuration", procuration.id)
