"""Agents whom ProConnect identifies. It says who somebody is and where they work, never what they may do here: that is
in our accounts, and an account is linked once, to who has its address and its SIRET."""

from models import Agent, WebSession, now
from portal import accounts, journal, oidc, settings, siret, walls
from portal.catalogue import PARIS
from portal.database import transaction
from portal.errors import Refused

SCOPE = "openid email siret"
# A second factor, and an identity that the employer checked: eidas0 is what people say of themselves.
ENOUGH = ("eidas1-mfa", "eidas2", "eidas3")
MAIL = "proconnect_delie"


class NotKnownHere(Refused):
    """No account, another SIRET, another subject, suspended, out of its dates: the answer is the same."""

    status = 403


class AnotherAgent(Refused):
    """Who proved it anew is not the agent who is in."""

    status = 403


def provider(configured, recent=None):
    """ProConnect and us, its client; None where the settings name none. `recent` as for oidc.Provider."""
    if not configured.proconnect_issuer:
        return None
    return oidc.Provider(configured.proconnect_issuer, configured.proconnect_client_id,
                         configured.proconnect_client_secret, scope=SCOPE, enough=ENOUGH, pkce=True, recent=recent)


# --- Who it is ------------------------------------------------------------------------------------------------------

def recognise(issuer, sub, claims):
    """The agent whose account this subject opens; the first time it is linked to it. Raises NotKnownHere."""
    agent = _linked(issuer, sub) or _link(issuer, sub, claims)
    if agent is None or not _opens(agent):
        raise NotKnownHere()
    return agent


def _linked(issuer, sub):
    return Agent.get_or_none(Agent.issuer == issuer, Agent.sub == sub)


def _link(issuer, sub, claims):
    """None where no open account waits for this address at this SIRET."""
    agent = _invited(claims)
    if agent is None or not _opens(agent):
        return None
    free = (Agent.id == agent.id) & Agent.sub.is_null() & (Agent.siret == agent.siret) & (Agent.email == agent.email)
    with transaction():
        if Agent.update(issuer=issuer, sub=sub).where(free).execute():
            journal.record(agent, "lier_proconnect", "agent", agent.id)
    return _linked(issuer, sub)


def _invited(claims):
    email, where = claims.get("email"), claims.get("siret")
    if not (isinstance(email, str) and isinstance(where, str) and email.isprintable() and siret.read(where)):
        return None
    return Agent.get_or_none(Agent.email == accounts.log_in_name(email)[:254], Agent.siret == siret.read(where),
                             Agent.sub.is_null())


def _opens(agent):
    """Not suspended, within a delegation's dates and a habilitation's."""
    today = now().astimezone(PARIS).date()
    return accounts.is_open(agent) and (agent.habilitated_from or today) <= today <= (agent.habilitated_until or today)


# --- The link ends --------------------------------------------------------------------------------------------------

@walls.whole_country()
def has_link(agent):
    return Agent.select().where(Agent.id == agent.id, Agent.sub.is_null(False)).exists()


@walls.whole_country()
def unlink(actor, agent):
    """Whoever proves the address and the SIRET next is linked anew; sessions end, the owner is told."""
    with transaction():
        if forget_link(agent):
            accounts.end_sessions(agent)
            accounts.tell(agent, MAIL, sender=actor.name)
            journal.record(actor, "delier_proconnect", "agent", agent.id)


@walls.whole_country()
def forget_link(agent):
    """For an account that changes hands, too. Was there one?"""
    return bool(Agent.update(issuer=None, sub=None).where(Agent.id == agent.id, Agent.sub.is_null(False)).execute())


def forget_links(numbers):
    """The same for the accounts of these numbers. Returns those that had one."""
    rows = Agent.select(Agent.id).where(Agent.id.in_(numbers), Agent.sub.is_null(False))
    linked = [number for number, in rows.tuples()]
    Agent.update(issuer=None, sub=None).where(Agent.id.in_(linked)).execute()
    return linked


# --- A proof anew ---------------------------------------------------------------------------------------------------

def is_linked(agent):
    """Can the agent prove it at the ProConnect of the settings?"""
    return agent.sub is not None and agent.issuer == settings.active().proconnect_issuer


def refuse_post(agent, form):
    """A proof of ProConnect's comes back by its own way, never with a post. Raises AnotherAgent."""
    raise AnotherAgent()


def keep_proof(session, issuer, tokens):
    """The agent of `session` has just proved it; the session ends at ProConnect too from now on. Raises AnotherAgent.
    """
    if (session.agent.issuer, session.agent.sub) != (issuer, tokens.claims["sub"]):
        raise AnotherAgent()
    WebSession.update(id_token=tokens.id_token).where(WebSession.login == session.login).execute()
