"""The usual checks of an established file, each a verdict: what a town hall looks at before it decides (design 5).

Pure functions of a file whose people, officer and commune are loaded. What only an electoral roll could tell is
`TO_VERIFY`.
"""
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

from portal import law, scrutins

OK, KO, TO_VERIFY = "ok", "ko", "to_verify"
MAJORITY = relativedelta(years=18)                      # L. 72, L. 2: on the eve of the poll


class Verdict(NamedTuple):
    check: str
    verdict: str


def usual(file, days):
    """The verdicts on `file`, whose tours are held on `days`: local ones, in order."""
    return [Verdict("rolls", TO_VERIFY), Verdict("somebody_else", somebody_else(file)),
            Verdict("of_age", of_age(file, days)), Verdict("period", period(file)),
            Verdict("authority", authority(file))]


def somebody_else(file):
    return KO if file.mandant.key == file.mandataire.key else OK


def of_age(file, days):
    """Is the mandataire 18 on the eve of the first tour? A date the registry knows in part may leave it open."""
    eve = (days[0] if days else file.valid_until) - relativedelta(days=1)
    limit, born = (eve - MAJORITY).isoformat(), file.mandataire.birth_date
    if born.replace("-00", "-99") <= limit:             # at the latest
        return OK
    return KO if born > limit else TO_VERIFY            # at the earliest: 00 sorts before any month and day


def period(file):
    """Not longer than the law allows, from the day of the act (R. 74)."""
    return OK if file.valid_until <= _day_of_the_act(file) + law.longest_period(file.abroad) else KO


def authority(file):
    """The officer's habilitation on the day of the act, where the account says one (R. 72-1)."""
    if file.officer is None:
        return TO_VERIFY
    begin, end, day = file.officer.habilitated_from, file.officer.habilitated_until, _day_of_the_act(file)
    return KO if (begin and day < begin) or (end and day > end) else OK


def _day_of_the_act(file):
    return scrutins.local_day(file.established_at, file.commune)
