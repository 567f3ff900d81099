"""The law as settings: the articles applied, the sets of rules of three moments, the durations.

What depends on the scrutin and the territory is in the table `Rules`; durations are settings, in calendar months and
years. `docs/law.md` is made of `LAW`, with the tests that bear the name of each article.
"""
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

from portal import settings


class Article(NamedTuple):
    """`key` is in the names of its tests; `setting` is where it can be changed, empty where the code is the rule."""

    key: str
    source: str
    says: str
    setting: str = ""


LAW = (
    Article("L2", "code électoral, L. 2, L. 72",
            "The mandataire has the right to vote: 18 on the eve of the tour."),
    Article("L71", "code électoral, L. 71",
            "Any voter may give a procuration, and no reason is asked."),
    Article("L72", "code électoral, L. 72",
            "The mandataire may vote in any commune; in the mandant's before 2022, and in Nouvelle-Calédonie.",
            "Rules.same_commune, Rules.lists"),
    Article("L73", "code électoral, L. 73",
            "Two procurations a mandataire, one of them established in France; the first established count.",
            "Rules.places_france, Rules.places"),
    Article("L75", "code électoral, L. 75",
            "The mandant may take the procuration back at any time, and give another."),
    Article("L76", "code électoral, L. 76",
            "The mandant may vote in person, if they come before the mandataire."),
    Article("L77", "code électoral, L. 77",
            "Death of the mandataire, or loss of their rights, ends the procuration."),
    Article("R72", "code électoral, R. 72 to R. 72-1-1",
            "Established before an authority, whose habilitation has dates, on presentation of a reference.",
            "Agent.habilitated_from, Agent.habilitated_until"),
    Article("R73", "code électoral, R. 73",
            "Without cost, on proof of identity; the mandataire need not come."),
    Article("R74", "code électoral, R. 74",
            "For one scrutin, or for a period: a year at most, three when established abroad.",
            "LONGEST_PERIOD_YEARS, LONGEST_PERIOD_ABROAD_YEARS"),
    Article("R75", "code électoral, R. 75",
            "The act bears the authority, its quality, the day and the place; the mandant gets a récépissé."),
    Article("R76", "code électoral, R. 76, R. 76-1",
            "The mayor has the act once it is established, and keeps a register of it for any voter."),
    Article("R78", "code électoral, R. 78",
            "Résiliation takes the same forms as the procuration."),
    Article("R80", "code électoral, R. 80",
            "The mayor tells the mandant that the procuration was annulled."),
    Article("two_months", "arrêté du 31 mars 2021",
            "A request that nobody presented is caduque after two months.",
            "REQUEST_MONTHS"),
    Article("a_year_after_its_last_day", "arrêté du 31 mars 2021",
            "A file is erased one year after the last day it covers.",
            "RETENTION_YEARS"),
    Article("cnil_2021_122", "CNIL, délibération 2021-122",
            "Traces are kept a year.",
            "JOURNAL_YEARS"),
    Article("2025_1059", "décret 2025-1059",
            "A certified digital identity replaces the visit.",
            "Rules.certified_identity, FRANCECONNECT_PLUS_…"),
)

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
