"""Every wait has a timeout: searches the code for calls that could wait forever. docs/timeouts.md lists the waits."""

import ast
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FOLDERS = ("api", "client", "db", "emoscope", "training", "worker")

WITHOUT_ARGUMENTS = {"acquire", "communicate", "join", "wait"}
"""Methods that wait for ever where they are called without a timeout."""
WITH_TIMEOUT = {
    "subprocess.run": {"timeout"},
    "subprocess.check_output": {"timeout"},
    "subprocess.check_call": {"timeout"},
    "urlopen": {"timeout"},
    "create_connection": {"timeout"},
    "from_url": {"socket_timeout", "client_options"},
}
"""Calls that must name one of these."""

ENDLESS = {
    "emoscope/stack/interrupts.py": "waits for Ctrl-C, which is the purpose",
    "emoscope/cli/commands/up.py": "waits until somebody stops the stack, which is the purpose",
    "api/core/server/parking.py": "is under asyncio.timeout",
    "api/core/server/threads.py": "is under asyncio.timeout",
    "api/core/server/worker.py": "is under asyncio.timeout",
}


def find_endless_waits(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            last = name.rpartition(".")[2]
            if last in WITHOUT_ARGUMENTS and isinstance(node.func, ast.Attribute) and not (node.args or node.keywords):
                yield node.lineno, name
            wanted = WITH_TIMEOUT.get(name, WITH_TIMEOUT.get(last, set()) if "." in name or last == name else set())
            given = {keyword.arg for keyword in node.keywords}
            if wanted and not wanted & given and None not in given:
                yield node.lineno, name


def test_no_wait_in_the_code_is_endless() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}: {call}"
        for folder in FOLDERS
        for path in (REPOSITORY / folder).rglob("*.py")
        if ".venv" not in path.parts and str(path.relative_to(REPOSITORY)) not in ENDLESS
        for line, call in find_endless_waits(path.read_text())
    ]
    assert found == [], "\n".join(["give each a timeout, and a row in docs/timeouts.md:", *found])


def test_the_search_finds_what_it_looks_for() -> None:
    source = """
thread.join()
event.wait(5)
lock.acquire(timeout=1)
subprocess.run(["git"])
subprocess.run(["git"], timeout=5)
redis.Redis.from_url(url)
redis.Redis.from_url(url, socket_timeout=5)
", ".join(names)
"""
    assert [line for line, _ in find_endless_waits(source)] == [2, 5, 7]
