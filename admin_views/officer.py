"""What an officer does at the counter."""


def views():
    return []
