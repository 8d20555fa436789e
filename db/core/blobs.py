"""The blob store: photos and model files, in a folder or an S3 bucket, through one library (obstore).

Model files are stored by their SHA-256: versions share them, and they never change. A photo is stored under its job's id, so that
erasing a job erases exactly its own photo, even if the same bytes were submitted before.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from uuid import UUID, uuid4

from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, S3Store

from db.core.errors import DomainError
from db.core.full_disk import is_disk_full

_SHA256 = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = re.compile(r".+#\d+")
"""Names of temporary files that obstore renames once they are complete."""


class BlobMissing(Exception):
    """There is no blob with this key."""

    code = "blob_missing"


class BlobDamaged(DomainError):
    """The blob's content differs from what was stored."""

    code = "blob_damaged"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    title = "Stored photo damaged"
    meaning = "The stored photo differs from the one that was submitted."


class BlobStoreUnavailable(DomainError):
    """The blob store doesn't answer, is full, or refuses access."""

    code = "blob_store_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Blob store unavailable"
    meaning = "The blob store doesn't answer. Nothing was accepted; try again."


class BlobStoreFull(BlobStoreUnavailable):
    """The blob store is full."""

    code = "storage_full"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Storage full"
    meaning = (
        "The disk or database of the service is full. Nothing was accepted or changed, but reading works. Try "
        "again later."
    )


@dataclass(frozen=True)
class S3Options:
    """Options of an S3 store. Empty ones are taken from the AWS environment."""

    endpoint: str = ""
    region: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""


_CHECK_BYTES = 65_536
"""Larger than what a file system stores inside an inode, so that it needs space."""
_PIECE_BYTES = 256 * 1024
_PARTS_AT_ONCE = 2
"""Parts of a file, of 5 MB each, in memory while it is uploaded. obstore's default is 12, so 60 MB."""
_KEYS_A_REQUEST = 1000
"""Maximum keys of S3's DeleteObjects."""
PHOTOS = "photos"
"""Prefix of every photo's key."""
MODELS = "models"
"""Prefix of every model file's key."""


def make_photo_key(job_id: UUID, fetch_try: int = 1) -> str:
    """Return the key of a job's photo.

    fetch_try: number of the fetch, for photos submitted by URL. Each fetch has a key of its own, so that one presumed lost
    overwrites nothing.
    """
    return f"{PHOTOS}/{job_id}" if fetch_try == 1 else f"{PHOTOS}/{job_id}-{fetch_try}"


def make_model_key(sha256: str) -> str:
    """Return the key of the model file with this hex SHA-256. Raises ValueError if it isn't one."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is not a hex SHA-256")
    return f"{MODELS}/{sha256}"


class BlobStore:
    """A key-value store of bytes. Thread-safe; create it after a fork or spawn, not before."""

    def __init__(self, url: str, s3: S3Options | None = None, timeout_s: float = 30) -> None:
        """url: `s3://bucket/prefix` or a folder, which is created if missing. timeout_s: of one call to S3, retries included."""
        self._store = _open_store(url, s3 or S3Options(), timeout_s)
        self._folder = None if url.startswith("s3://") else Path(url)

    def put(self, key: str, data: bytes) -> None:
        """Store bytes, replacing an existing blob. Raises BlobStoreFull or another BlobStoreUnavailable."""
        try:
            self._store.put(key, data)
        except (BaseError, OSError) as error:
            kind = BlobStoreFull if is_disk_full(error) else BlobStoreUnavailable
            raise kind(f"can't store {key}: {_first_line(error)}") from error

    def put_file(self, key: str, path: Path) -> None:
        """Store a file, read in pieces. Raises as put does."""
        try:
            self._store.put(key, path, max_concurrency=_PARTS_AT_ONCE)
        except (BaseError, OSError) as error:
            kind = BlobStoreFull if is_disk_full(error) else BlobStoreUnavailable
            raise kind(f"can't store {key}: {_first_line(error)}") from error

    def stream(self, key: str) -> Iterator[bytes]:
        """Return a blob in pieces, unchecked. Raises BlobMissing or BlobStoreUnavailable, at once or midway."""
        try:
            found = self._store.get(key)
        except (NotFoundError, FileNotFoundError) as error:
            raise BlobMissing(f"there is no blob {key}") from error
        except (BaseError, OSError) as error:
            raise BlobStoreUnavailable(f"can't read {key}: {_first_line(error)}") from error

        def read() -> Iterator[bytes]:
            try:
                for piece in found.stream(min_chunk_size=_PIECE_BYTES):
                    yield bytes(piece)
            except (BaseError, OSError) as error:
                raise BlobStoreUnavailable(f"can't read {key}: {_first_line(error)}") from error

        return read()

    def check_room(self) -> None:
        """Store a small blob and delete it. Raises BlobStoreFull or another BlobStoreUnavailable."""
        key = f"checks/{uuid4()}"
        try:
            self.put(key, bytes(_CHECK_BYTES))
        finally:
            self.delete_unfinished("checks", 0)
        self.delete(key)

    def get(self, key: str, sha256: str) -> bytes:
        """Return a blob after checking its hex SHA-256.

        Raises BlobMissing, BlobDamaged or BlobStoreUnavailable.
        """
        data = self.read(key)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BlobDamaged(f"the bytes of {key} differ from those that were stored")
        return data

    def read(self, key: str) -> bytes:
        """Return a blob, unchecked. Raises BlobMissing or BlobStoreUnavailable."""
        try:
            return bytes(self._store.get(key).bytes())
        except (NotFoundError, FileNotFoundError) as error:
            raise BlobMissing(f"there is no blob {key}") from error
        except (BaseError, OSError) as error:
            raise BlobStoreUnavailable(f"can't read {key}: {_first_line(error)}") from error

    def list_sizes(self, prefix: str) -> dict[str, int]:
        """List the keys below `prefix/` with the size of each blob. Raises BlobStoreUnavailable."""
        try:
            return {blob["path"]: blob["size"] for page in self._store.list(prefix=prefix) for blob in page}
        except (BaseError, OSError) as error:
            raise BlobStoreUnavailable(f"can't list {prefix}: {_first_line(error)}") from error

    def has(self, key: str) -> bool:
        """Return whether there is a blob with this key. Raises BlobStoreUnavailable."""
        try:
            self._store.head(key)
        except (NotFoundError, FileNotFoundError):
            return False
        except (BaseError, OSError) as error:
            raise BlobStoreUnavailable(f"can't look for {key}: {_first_line(error)}") from error
        return True

    def list_older(self, prefix: str, age_s: float) -> Iterator[str]:
        """List the keys below `prefix/` that were stored more than `age_s` seconds ago. Raises BlobStoreUnavailable."""
        before = datetime.now(UTC) - timedelta(seconds=age_s)
        try:
            for page in self._store.list(prefix=prefix):
                yield from (blob["path"] for blob in page if blob["last_modified"] < before)
        except (BaseError, OSError) as error:
            raise BlobStoreUnavailable(f"can't list {prefix}: {_first_line(error)}") from error

    def delete_unfinished(self, prefix: str, age_s: float) -> int:
        """Delete temporary files older than `age_s` seconds, left by processes that were killed while storing a blob.

        Returns how many.
        A folder has such files, named `KEY#1` and so on, which listings don't show. S3 keeps no incomplete blobs. Raises
        BlobStoreUnavailable.
        """
        if self._folder is None:
            return 0
        before = (datetime.now(UTC) - timedelta(seconds=age_s)).timestamp()
        count = 0
        try:
            for path in (self._folder / prefix).glob("*#*"):
                if _UNFINISHED.fullmatch(path.name) and path.stat().st_mtime < before:
                    path.unlink(missing_ok=True)
                    count += 1
        except OSError as error:
            raise BlobStoreUnavailable(f"can't delete temporary files in {prefix}: {error.strerror}") from error
        return count

    def delete(self, key: str) -> None:
        """Delete a blob, if it exists. Raises BlobStoreUnavailable."""
        try:
            self._store.delete(key)
        except (NotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise BlobStoreUnavailable(f"can't delete {key}: {_first_line(error)}") from error

    def delete_many(self, keys: Sequence[str]) -> None:
        """Delete blobs, if they exist; on S3 up to 1,000 per request. Raises BlobStoreUnavailable."""
        if self._folder is not None:
            for key in keys:
                self.delete(key)
            return
        try:
            for start in range(0, len(keys), _KEYS_A_REQUEST):
                self._store.delete(list(keys[start : start + _KEYS_A_REQUEST]))
        except (BaseError, OSError) as error:
            raise BlobStoreUnavailable(f"can't delete {len(keys)} blobs: {_first_line(error)}") from error


def _open_store(url: str, s3: S3Options, timeout_s: float) -> ObjectStore:
    if url.startswith("s3://"):
        options = {
            "endpoint": s3.endpoint,
            "region": s3.region,
            "access_key_id": s3.access_key_id,
            "secret_access_key": s3.secret_access_key,
        }
        given = {name: value for name, value in options.items() if value}
        is_plain_http = s3.endpoint.startswith("http://")
        return S3Store.from_url(
            url,
            config=given,  # type: ignore[arg-type]
            client_options={"allow_http": is_plain_http, "timeout": timedelta(seconds=timeout_s)},
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=timeout_s)},
        )
    folder = Path(url)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BlobStoreUnavailable(f"can't create the folder {folder}: {error.strerror}") from error
    return LocalStore(folder)


def _first_line(error: Exception) -> str:
    """Return the first line of the message: the library appends its debug state."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
