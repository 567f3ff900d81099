"""What a town hall sees and decides."""


def views():
    return []
