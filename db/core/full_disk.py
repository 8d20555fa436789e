"""Recognizes errors that mean a full or read-only disk."""

import errno
import re

_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_IN_WORDS = re.compile(rf"\(os error ({'|'.join(str(number) for number in sorted(_ERRORS))})\)")
"""The end of obstore's messages, which is written in Rust."""
_SQLITE_CODES = {
    13,  # SQLITE_FULL
    4874,  # SQLITE_IOERR_SHMSIZE: no space for the index of the write-ahead log
    8,  # SQLITE_READONLY
    14,  # SQLITE_CANTOPEN: a file next to the database can't be created
}
_POSTGRESQL_CODES = {"53100", "25006"}
"""disk_full, read_only_sql_transaction"""


def is_disk_full(error: BaseException) -> bool:
    """Return whether the operation failed for lack of disk space."""
    # imported late, so that the command line reads its settings without SQLAlchemy
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, DBAPIError):
        cause = error.orig
        return (
            getattr(cause, "sqlite_errorcode", None) in _SQLITE_CODES
            or getattr(cause, "sqlstate", None) in _POSTGRESQL_CODES
        )
    if isinstance(error, OSError) and error.errno in _ERRORS:
        return True
    return _IN_WORDS.search(str(error)) is not None
