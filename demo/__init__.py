"""Sample people, stand-ins, mailbox: for the demonstration and the tests. Never part of a production."""
from portal.settings import PREFIX, environment

if environment().get(f"{PREFIX}ENV") == "production":
    raise ImportError(f"{PREFIX}ENV is production: nothing of the demonstration may be loaded there")
