"""What keeps data from being moved. Commands say it in a sentence; no request meets these."""


class CannotMove(Exception):
    """The two sides don't fit, or what arrived isn't what was sent. The sentence says what to do."""
