"""What the ministry keeps: reference data, accounts, mails, the journal."""


def views():
    return []
