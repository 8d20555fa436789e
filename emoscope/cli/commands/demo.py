"""`emoscope demo`: analyses real photos in a temporary stack that is deleted afterwards."""

import signal
import socket
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from emoscope.cli.terminal import end_with_sentence, err, make_faces_table, out, read_settings, say_step
from emoscope.settings import Settings


class DemoFailed(Exception):
    """A photo of the demo could not be analysed."""

    code = "demo_failed"


def demo(
    port: Annotated[
        int | None, typer.Option(help="Port of the API. Default: that of the settings, or a free one.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder for the annotated pictures.")] = Path("demo-output"),
) -> None:
    """Start the service, send it real photos through the HTTP API, show what it found, and stop it."""
    from emoscope.stack.demo_photos import DemoPhotoMissing
    from emoscope.stack.embedded import StackError
    from emoscope_client import EmoscopeError

    for number in (signal.SIGTERM, signal.SIGHUP):  # handled like Ctrl-C, so that the demo's folder is deleted
        signal.signal(number, signal.default_int_handler)
    with (
        end_with_sentence(StackError, DemoPhotoMissing, EmoscopeError, DemoFailed, OSError),
        tempfile.TemporaryDirectory(prefix="emoscope-demo-", ignore_cleanup_errors=True) as folder,
    ):
        settings = read_settings(port=port)
        if port is None and not _is_free(settings.host, settings.port):
            port = find_free_port(settings.host)
            say_step(f"port {settings.port} is used by another program; the demo uses {port} instead")
        # the demo doesn't touch a fleet's database and queue, whatever the environment contains
        own = {"data_dir": Path(folder), "database_url": "", "redis_url": "", "blob_url": ""}
        _run(read_settings(port=port, **own), output)


def _run(settings: Settings, output: Path) -> None:
    from emoscope.stack.demo_photos import load_demo_photos
    from emoscope.stack.embedded import Stack
    from emoscope_client import Client

    output.mkdir(parents=True, exist_ok=True)
    with Stack(settings, say_step) as stack:
        assert stack.client is not None
        url = stack.client.api_url
        with Client(url, stack.client.api_key) as client:
            submitted = []
            for photo in load_demo_photos():
                say_step(f"submitting {photo.name} ({len(photo.data) // 1000} kB)")
                submitted.append((photo, client.create_job(photo.data)))
            for photo, job in submitted:
                done = client.wait_for_job(job)
                if done.status != "succeeded":
                    reason = done.error.detail if done.error else "no reason given"
                    raise DemoFailed(f"the job of {photo.name} ended as {done.status}: {reason}")
                out.print(
                    make_faces_table(f"{photo.name}, {done.photo.width} x {done.photo.height} pixels", done.faces)
                )
                path = output / f"{Path(photo.name).stem}-annotated.jpg"
                path.write_bytes(client.get_annotated_photo(job.id))
                out.print(f"Annotated picture: [bold]{path}[/bold]\n")
        out.print(
            f"While the service runs, its API docs are at [bold]{url}/docs[/bold] and its first page at [bold]{url}/[/bold]."
        )
        say_step("stopping")
    err.print("Keep it running with [bold]make up[/bold].")


def _is_free(host: str, port: int) -> bool:
    with _open_socket(host) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def find_free_port(host: str) -> int:
    """Return a free port."""
    with _open_socket(host) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _open_socket(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
