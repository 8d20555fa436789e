"""`emoscope analyze`: analyses photos through the service."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from db.core.vocabulary import Detector
from emoscope.cli.analysis.inputs import STREAM, NoSuchPhoto, find_inputs, read_list
from emoscope.cli.analysis.journal import Journal, RunGoesOn, find_journal, find_state_dir
from emoscope.cli.analysis.printing import Format, print_failure, print_outcomes
from emoscope.cli.analysis.reading import Outcome, PhotoError
from emoscope.cli.analysis.run import BatchRun
from emoscope.cli.client import open_client
from emoscope.cli.terminal import end_with_sentence, err
from emoscope_client import (
    ApiError,
    EmoscopeError,
    JobOptions,
    Retries,
    ServerError,
    ServiceUnreachable,
    TooManyRequests,
    Unauthorized,
)
from emoscope_client.photos import PhotoSource

_PATIENCE = Retries(tries=12, longest_total_s=60)
"""Retries for a service that restarts during a run."""
_INTERRUPTED = 130
"""Exit status of shells after Ctrl-C."""
_GO_ON = "Interrupted. Run it again with the same arguments to resume."


def analyze(
    photos: Annotated[
        list[str] | None,
        typer.Argument(
            help="Photos: files, folders with all that is below them, quoted patterns, URLs that the service fetches, or - for "
            "one photo on standard input."
        ),
    ] = None,
    from_file: Annotated[
        str | None, typer.Option("--from-file", help="File with a list of photos, one per line; - for standard input.")
    ] = None,
    output: Annotated[Format, typer.Option("--format", "-f", help="Format of the output.")] = Format.TABLE,
    detector: Annotated[Detector | None, typer.Option(help="Face detector.")] = None,
    min_face_px: Annotated[int | None, typer.Option(help="Minimum side of a face, in pixels.")] = None,
    keep_s: Annotated[float | None, typer.Option(help="Seconds that the service keeps the photos.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As --format json.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As --format csv.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start again instead of resuming an interrupted run.")] = False,
) -> None:
    """Find the faces in photos and say which emotion each appears to express.

    Uses the stack on this machine, or the one in EMOSCOPE_API_URL and EMOSCOPE_API_KEY. To resume an interrupted run over many
    photos, start it again with the same arguments; it then prints the whole result. Exits with 1 if any photo has no result, and
    lists those on stderr with the reason.
    """
    form = Format.JSON if as_json else Format.CSV if as_csv else output
    options: JobOptions = {"detector": detector, "min_face_px": min_face_px, "photo_retention_s": keep_s}
    arguments = list(photos or ())
    if not arguments and from_file is None:
        raise typer.BadParameter("name a photo, a folder or a URL, - for a photo on standard input, or --from-file")
    if STREAM in arguments and (len(arguments) > 1 or from_file is not None):
        raise typer.BadParameter(
            "- (a photo on standard input) can't be combined with other photos; use --from-file - to read a list"
        )
    tally = _Tally(form)
    with end_with_sentence(EmoscopeError, RunGoesOn, OSError):
        if arguments == [STREAM]:
            _analyze_one(STREAM, sys.stdin.buffer.read(), options, tally)
        else:
            listed = [] if from_file is None else _read_list(from_file)
            names = _find_inputs([*arguments, *listed])
            if names == [*arguments, *listed] and len(names) == 1:
                _analyze_one(names[0], names[0], options, tally)
            else:
                # the list's contents, not its name: it may come from a pipe
                identity = {"arguments": arguments, "list": listed, "folder": str(Path.cwd()), "options": options}
                with _interruptible():
                    _analyze_many(names, options, tally, identity, is_fresh=fresh)
    if tally.failures:
        err.print(f"{tally.failures:,} of {tally.total:,} photos have no result.")
        raise typer.Exit(1)


class _Tally:
    """Prints outcomes and counts them."""

    def __init__(self, form: Format) -> None:
        self.total = self.failures = 0
        self._form = form

    def print(self, outcomes: Iterable[tuple[str, Outcome]]) -> None:
        print_outcomes(self._count(outcomes), self._form)

    def _count(self, outcomes: Iterable[tuple[str, Outcome]]) -> Iterator[tuple[str, Outcome]]:
        for name, outcome in outcomes:
            self.total += 1
            self.failures += print_failure(name, outcome)
            yield name, outcome


def _read_list(name: str) -> list[str]:
    with end_with_sentence(OSError):
        return read_list(sys.stdin.read() if name == STREAM else Path(name).read_text(errors="surrogateescape"))


def _find_inputs(arguments: Sequence[str]) -> Sequence[str]:
    try:
        inputs = find_inputs(arguments)
    except NoSuchPhoto as error:
        raise typer.BadParameter(str(error)) from error
    if inputs.skipped:
        err.print(f"{inputs.skipped:,} files in folders were skipped because their names aren't those of photos.")
    if not inputs.names:
        err.print("There are no photos.")
    return inputs.names


def _analyze_one(name: str, photo: PhotoSource, options: JobOptions, tally: _Tally) -> None:
    with open_client() as client:
        outcome: Outcome
        try:
            outcome = client.analyze(photo, **options)
        except Unauthorized:
            raise
        except ApiError as error:
            outcome = PhotoError(error.code, str(error))
        except OSError as error:
            outcome = PhotoError("unreadable_file", error.strerror or str(error))
    tally.print([(name, outcome)])


def _analyze_many(
    names: Sequence[str], options: JobOptions, tally: _Tally, identity: Mapping[str, object], *, is_fresh: bool
) -> None:
    with open_client() as probe:  # an unreachable service is reported at once here; later the run retries
        probe.get_health()
        api_url = probe.address.api_url
    path = find_journal(find_state_dir(os.environ), api_url=api_url, **identity)
    with open_client(_PATIENCE) as client, Journal(path, is_fresh=is_fresh) as journal, _open_bar(len(names)) as bar:
        if journal.is_resumed:
            err.print("Resuming the interrupted run.")
        task = bar.add_task("analysing", total=len(names))
        run = BatchRun(client, journal, options, lambda count: bar.advance(task, count))
        tally.print(run.analyze(names))


@contextmanager
def _interruptible() -> Iterator[None]:
    """Tell the user how to resume after an interruption."""
    try:
        yield
    except KeyboardInterrupt:
        err.print(_GO_ON)
        raise typer.Exit(_INTERRUPTED) from None
    except (ServiceUnreachable, ServerError, TooManyRequests):
        err.print(_GO_ON)
        raise


def _open_bar(total: int) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # file output must not go through the terminal's formatting
    is_screen = sys.stdout.isatty()
    return Progress(
        *columns, console=err, transient=True, disable=total < 2 or not err.is_terminal, redirect_stdout=is_screen
    )
