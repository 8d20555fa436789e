"""Analyses many photos in open batches, with calls of some dozens of photos, a few hundred ahead of the next result.

Memory and the service's queue thus hold only a few hundred photos, and results come in the order of the photos. The service
stores the results, so a resumed run also prints those of photos that were sent before.
"""

import io
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from emoscope.cli.analysis.journal import Chunk, Journal, join_chunks
from emoscope.cli.analysis.reading import Outcome, PhotoError, read_source
from emoscope_client import ApiError, Client, Job, JobOptions, NotFound, ServiceUnreachable, WaitTimeout
from emoscope_client.photos import PhotoSource

FIRST_CALL, MOST_A_CALL = 8, 100
"""Photos of the first call, small for quick first results, and of later ones: the service's default maximum."""
MOST_BYTES_A_CALL = 20_000_000
MOST_AHEAD = 500
"""Maximum number of photos sent ahead of the next result, besides the last call. By default the service queues 10,000 jobs."""
MOST_A_BATCH = 100_000
_HOLD_S = 5.0
"""How long one request waits for a job, and so the interval of progress updates."""
_AWAY_S = 60.0
"""How long the service may be unavailable while waiting for a result."""
_BUSY_S = 5.0


@dataclass
class _Gathered:
    """Photos for one call. lost: those that can't be sent, with their positions."""

    names: list[str] = field(default_factory=list)
    sources: list[PhotoSource] = field(default_factory=list)
    lost: list[tuple[int, str, PhotoError]] = field(default_factory=list)
    byte_count: int = 0

    def __len__(self) -> int:
        return len(self.names) + len(self.lost)


@dataclass(frozen=True)
class _Sent:
    """What is read back: a chunk that the service has, and adjacent photos that weren't sent."""

    chunk: Chunk | None
    lost: Sequence[tuple[int, str, PhotoError]] = ()


class BatchRun:
    """A run over many photos. tell: called with the number of photos that ended since its last call."""

    def __init__(
        self,
        client: Client,
        journal: Journal,
        options: JobOptions,
        tell: Callable[[int], None] = lambda _: None,
        *,
        most_ahead: int = MOST_AHEAD,
        first_call: int = FIRST_CALL,
        most_a_call: int = MOST_A_CALL,
        most_a_batch: int = MOST_A_BATCH,
    ) -> None:
        """most_ahead, first_call, most_a_call, most_a_batch: override the constants."""
        self._client, self._journal, self._tell = client, journal, tell
        self._options: JobOptions = {"priority": "bulk", **options}
        self._most_ahead, self._call_size = most_ahead, first_call
        self._largest_call, self._most_a_call, self._most_a_batch = most_a_call, most_a_call, most_a_batch
        self._batch_id: UUID | None = None
        self._next_position = 0

    def analyze(self, names: Sequence[str]) -> Iterator[tuple[str, Outcome]]:
        """Yield each photo with its outcome, in the order sent; photos of an earlier process come first.

        Raises ApiError, ServiceUnreachable; the journal then allows the run to be resumed.
        """
        self._take_up()
        known = {name for chunk in self._journal.sent for name in chunk.names}
        rest = [name for name in names if name not in known]
        ahead, count = deque[_Sent](), 0
        for sent in self._send_all(rest):
            ahead.append(sent)
            count += len(sent.chunk.names) if sent.chunk else 0
            while count > self._most_ahead:
                oldest = ahead.popleft()
                count -= len(oldest.chunk.names) if oldest.chunk else 0
                yield from self._read(oldest)
        for batch_id in self._journal.batches:
            self._close(batch_id)
        while ahead:
            yield from self._read(ahead.popleft())
        self._journal.finish()

    def _take_up(self) -> None:
        """Ask what the service has of an earlier process's photos. If it no longer has the batch, the run starts over."""
        journal = self._journal
        try:
            for batch_id in journal.batches:
                self._client.get_batch_photo_page(batch_id, limit=1)
            if (doubtful := journal.doubtful) is not None:
                page = self._client.get_batch_photo_page(doubtful.batch_id, after=doubtful.first - 1, limit=1)
                if page.items:
                    self._confirm(doubtful)
        except NotFound:
            journal.forget()
        if journal.batches:
            self._batch_id = journal.batches[-1]
            mine = [chunk for chunk in journal.sent if chunk.batch_id == self._batch_id]
            self._next_position = mine[-1].first + len(mine[-1].names) if mine else 0

    def _send_all(self, names: Sequence[str]) -> Iterator[_Sent]:
        """Yield what was sent before, then everything else when it is sent."""
        yield from (_Sent(chunk) for chunk in join_chunks(list(self._journal.sent), 2 * self._largest_call))
        # The uncertain call is repeated unchanged: if the first one still arrives, its key prevents duplicates.
        repeated = () if self._journal.doubtful is None else self._journal.doubtful.names
        if repeated:
            again = set(repeated)
            yield from self._send_calls(self._gather(repeated, len(repeated)))
            names = [name for name in names if name not in again]
        yield from self._send_calls(self._gather(names))

    def _gather(self, names: Iterable[str], size: int | None = None) -> Iterator[_Gathered]:
        """Read photos for one call after another. size: fixed size of a call, by default increasing."""
        gathered = _Gathered()
        for name in names:
            source = read_source(name)
            if isinstance(source, PhotoError):
                gathered.lost.append((len(gathered), name, source))
                continue
            byte_count = source.getbuffer().nbytes if isinstance(source, io.BytesIO) else 0
            is_other_kind = bool(gathered.sources) and isinstance(gathered.sources[0], str) != isinstance(source, str)
            is_full = len(gathered.names) >= min(size or self._call_size, self._most_a_call)
            if is_full or is_other_kind or (gathered.names and gathered.byte_count + byte_count > MOST_BYTES_A_CALL):
                yield gathered
                gathered = _Gathered()
                self._call_size = min(2 * self._call_size, self._largest_call)
            gathered.names.append(name)
            gathered.sources.append(source)
            gathered.byte_count += byte_count
        if len(gathered):
            yield gathered

    def _send_calls(self, calls: Iterable[_Gathered]) -> Iterator[_Sent]:
        for gathered in calls:
            if not gathered.names:
                yield _Sent(None, gathered.lost)
            elif len(gathered.names) <= self._most_a_call:
                yield from self._send_or_split(gathered)
            else:
                yield from self._split(gathered)

    def _send_or_split(self, gathered: _Gathered) -> Iterator[_Sent]:
        try:
            yield _Sent(self._send(gathered), gathered.lost)
        except ApiError as error:
            if error.code not in {"too_many_photos", "body_too_large"}:
                raise
            if len(gathered.names) == 1:
                lost = (0, gathered.names[0], PhotoError(error.code, str(error)))
                yield _Sent(None, [lost, *((place + 1, name, why) for place, name, why in gathered.lost)])
                return
            if error.code == "too_many_photos":
                self._most_a_call = len(gathered.names) // 2
            yield from self._split(gathered)

    def _split(self, gathered: _Gathered) -> Iterator[_Sent]:
        """Send a call that was too large as two calls."""
        if gathered.lost:
            yield _Sent(None, gathered.lost)
        middle = (len(gathered.names) + 1) // 2
        parts = (slice(0, middle), slice(middle, None))
        yield from self._send_calls([_Gathered(gathered.names[part], gathered.sources[part]) for part in parts])

    def _send(self, gathered: _Gathered) -> Chunk:
        """Send one call, retrying while the service is busy. Raises ApiError, ServiceUnreachable."""
        if self._batch_id is None or self._next_position + len(gathered.names) > self._most_a_batch:
            self._open_batch()
        while True:
            assert self._batch_id is not None
            chunk = Chunk(self._batch_id, self._next_position, tuple(gathered.names))
            before = self._journal.doubtful
            self._journal.begin_sending(chunk)
            for source in gathered.sources:
                if isinstance(source, io.BytesIO):
                    source.seek(0)
            try:
                key = f"{self._journal.run_id}-{chunk.batch_id}-{chunk.first}"
                self._client.add_batch_photos(chunk.batch_id, gathered.sources, idempotency_key=key, **self._options)
            except ApiError as error:
                if error.code == "idempotency_conflict" and before is not None:
                    chunk = before  # the call had arrived, and a file has changed since
                elif error.code in {"batch_closed", "batch_full", "unknown_batch"}:
                    self._open_batch()
                    continue
                elif error.status == 429 and error.code != "quota_exceeded":
                    time.sleep(error.retry_after_s or _BUSY_S)
                    continue
                else:
                    raise
            self._confirm(chunk)
            return chunk

    def _confirm(self, chunk: Chunk) -> None:
        self._journal.end_sending()
        self._journal.sent.append(chunk)
        self._journal.doubtful = None
        self._next_position = chunk.first + len(chunk.names)

    def _open_batch(self) -> None:
        key = f"{self._journal.run_id}-batch-{len(self._journal.batches)}"
        self._batch_id = self._client.create_batch(open=True, idempotency_key=key, **self._options).id
        self._next_position = 0
        self._journal.begin_batch(self._batch_id)
        self._journal.batches.append(self._batch_id)

    def _close(self, batch_id: UUID) -> None:
        try:
            self._client.close_batch(batch_id)
        except NotFound:  # erased in the meantime; its photos report it
            return

    def _read(self, sent: _Sent) -> Iterator[tuple[str, Outcome]]:
        """Return the outcomes of one call's photos once all have ended."""
        outcomes: list[tuple[str, Outcome]] = []
        if sent.chunk is not None:
            outcomes = list(zip(sent.chunk.names, self._wait_for(sent.chunk), strict=True))
        for place, name, error in sent.lost:
            outcomes.insert(place, (name, error))
        self._tell(len(sent.lost))
        yield from outcomes

    def _wait_for(self, chunk: Chunk) -> list[Outcome]:
        told = 0
        while True:
            page = self._client.get_batch_photo_page(chunk.batch_id, after=chunk.first - 1, limit=len(chunk.names))
            photos = {photo.position: photo for photo in page.items}
            waiting = [photo.job_id for photo in page.items if photo.state in {"queued", "running"}]
            self._tell(len(chunk.names) - len(waiting) - told)
            told = len(chunk.names) - len(waiting)
            if not waiting:
                break
            assert waiting[-1] is not None
            self._wait_for_job(waiting[-1])
        jobs = self._read_jobs(chunk, [photo.job_id for photo in page.items if photo.job_id is not None])
        outcomes: list[Outcome] = []
        for position in range(chunk.first, chunk.first + len(chunk.names)):
            photo = photos.get(position)
            if photo is None or (photo.job_id is not None and photo.job_id not in jobs):
                outcomes.append(PhotoError("erased", "its job was erased"))
            elif photo.job_id is None:
                why = photo.error
                outcomes.append(PhotoError(why.code if why else "refused", why.detail if why else "it was refused"))
            else:
                outcomes.append(jobs[photo.job_id])
        return outcomes

    def _wait_for_job(self, job_id: UUID) -> None:
        """Wait some seconds for a job. Raises ServiceUnreachable or ApiError if the service is unavailable for longer."""
        end = time.monotonic() + _AWAY_S
        while True:
            try:
                self._client.wait_for_job(job_id, timeout_s=_HOLD_S)
            except NotFound:
                return
            except WaitTimeout as timeout:
                cause = timeout.__cause__
                if not isinstance(cause, ServiceUnreachable | ApiError):
                    return
                if time.monotonic() > end:
                    raise cause from timeout
            else:
                return

    def _read_jobs(self, chunk: Chunk, job_ids: Sequence[UUID]) -> dict[UUID, Job]:
        """Read jobs by id, in one request unless some were retried."""
        if not job_ids:
            return {}
        behind = UUID(int=max(job_ids).int + 1)  # ids increase with time, and a page begins before its cursor
        page = self._client.get_job_page(batch=chunk.batch_id, cursor=str(behind), limit=len(job_ids))
        found = {job.id: job for job in page.items}
        for job_id in set(job_ids) - found.keys():
            try:
                found[job_id] = self._client.get_job(job_id)
            except NotFound:
                continue
        return found
