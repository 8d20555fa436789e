"""Which errors mean that there is no room left, or that nothing may be written any more."""

import errno
import re

_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_IN_WORDS = re.compile(rf"\(os error ({'|'.join(str(number) for number in sorted(_ERRORS))})\)")
"""As obstore, which is written in Rust, ends its message."""
_SQLITE_CODES = {
    13,  # SQLITE_FULL
    4874,  # SQLITE_IOERR_SHMSIZE: no room for the index of the write-ahead log
    8,  # SQLITE_READONLY
    14,  # SQLITE_CANTOPEN: a file beside the database can't be made
}
_POSTGRESQL_CODES = {"53100", "25006"}
"""disk_full, read_only_sql_transaction"""


def is_disk_full(error: BaseException) -> bool:
    """Whether what failed needs room on a disk, and would succeed once there is some."""
    from sqlalchemy.exc import DBAPIError  # here, so that the command line reads its settings without it

    if isinstance(error, DBAPIError):
        cause = error.orig
        return (
            getattr(cause, "sqlite_errorcode", None) in _SQLITE_CODES
            or getattr(cause, "sqlstate", None) in _POSTGRESQL_CODES
        )
    if isinstance(error, OSError) and error.errno in _ERRORS:
        return True
    return _IN_WORDS.search(str(error)) is not None
