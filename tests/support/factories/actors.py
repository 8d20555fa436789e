"""Who does what tests do."""

from db.core.actors import Actor

TEST = Actor.system("test")
ANA = Actor.user("ana")
