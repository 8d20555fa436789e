"""Errors of backup, restore and transfer. Only commands raise them."""


class CannotMove(Exception):
    """Source and target don't fit, or the data was damaged. The message says what to do."""
