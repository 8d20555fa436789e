"""Lists the files that rows refer to, with the digest of each."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from db.core.blobs import make_model_key
from db.jobs.tables import Job
from db.model_versions.manifest import Manifest
from db.model_versions.tables import ModelVersion


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A blob that rows refer to. sha256: of its bytes, hex. is_needed: whether the rows are useless without it."""

    key: str
    sha256: str
    is_needed: bool

    def is_intact(self, data: bytes) -> bool:
        """Return whether the bytes match."""
        return hashlib.sha256(data).hexdigest() == self.sha256


def list_named_files(connection: Connection, *, photos: bool = True) -> Iterator[NamedFile]:
    """List the files of all model versions, each once, then the photos of all jobs that have one."""
    seen: set[str] = set()
    for digest, manifest in connection.execute(select(ModelVersion.digest, ModelVersion.manifest)):
        for sha256 in (digest, *(record.sha256 for record in Manifest.read(manifest).files.values())):
            if sha256 not in seen:
                seen.add(sha256)
                yield NamedFile(make_model_key(sha256), sha256, is_needed=True)
    if not photos:
        return
    query = select(Job.photo_key, Job.photo_sha256).where(Job.photo_key.is_not(None)).order_by(Job.id)
    for key, sha256 in connection.execution_options(yield_per=1000).execute(query):
        assert key is not None  # the query selects only jobs with a photo
        yield NamedFile(key, sha256, is_needed=False)
