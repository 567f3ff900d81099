"""The law's durations: each is a setting, in calendar months and years, with its source beside it.

What depends on the scrutin and the territory is in the table `Rules`. `docs/law.md` lists both, with their tests.
"""
from dateutil.relativedelta import relativedelta

from portal import settings

RULE_SETS = {  # what the law said, or says, of `Rules`: offered to the ministry, tested one by one
    "2021": {"places_france": 2, "places": 2, "same_commune": True, "lists": "LP", "mode": "commune",
             "certified_identity": False},       # loi 2021-191; L. 72 before 2022: départementales and régionales
    "2022": {"places_france": 1, "places": 2, "same_commune": False, "lists": "LP", "mode": "commune",
             "certified_identity": False},       # L. 72 and L. 73 as they stand since 1 January 2022
    "nouvelle_caledonie": {"places_france": 1, "places": 2, "same_commune": True, "lists": "LP", "mode": "commune",
                           "certified_identity": False},   # outside the REU: arrêté du 31 mars 2021
}


def longest_period(abroad=False):
    """How long after its act a procuration may last (R. 74); longer where it was established outside France."""
    configured = settings.active()
    return relativedelta(years=configured.longest_period_abroad_years if abroad else configured.longest_period_years)


def life_of_a_request():
    """A request nobody presented is caduque after it (arrêté du 31 mars 2021): calendar months, not 61 days."""
    return relativedelta(months=settings.active().request_months)


def retention():
    """A file is kept so long after the last day it covers (arrêté du 31 mars 2021)."""
    return relativedelta(years=settings.active().retention_years)


def retention_of_the_journal():
    """Events are kept so long (CNIL, délibération 2021-122)."""
    return relativedelta(years=settings.active().journal_years)


def retention_of_mails():
    """The content of a mail is kept so long after it was written (design 5)."""
    return relativedelta(days=settings.active().mail_days)
