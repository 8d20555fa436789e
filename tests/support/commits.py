"""Checks out earlier commits of this repository, for tests with two releases."""

import re
import subprocess
from pathlib import Path

from db.core.schema import MIGRATIONS, list_known_revisions

ROOT = Path(__file__).parents[2]
_FOLDER = str((MIGRATIONS / "versions").relative_to(ROOT))


def has_history() -> bool:
    """Return whether this is a clone with history, not an archive or shallow clone."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--is-shallow-repository"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() == "false"


def find_commit_before_newest_migration() -> str:
    """Return the commit before the newest migration was added: the release that runs during a rollout."""
    newest = list_known_revisions()[0]
    added = git("log", "--diff-filter=A", "--format=%H", "--", f"{_FOLDER}/{newest}_*").split()
    return git("rev-parse", f"{added[0]}^" if added else "HEAD").strip()


def find_commit_with_schema(revision: str) -> str:
    """Return the newest commit whose newest migration has this revision. Raises LookupError."""
    known = list_known_revisions()[::-1]
    wanted = set(known[: known.index(revision) + 1])
    for commit in git("rev-list", "HEAD", "--", _FOLDER).split():
        names = git("ls-tree", "--name-only", commit, f"{_FOLDER}/")
        if set(re.findall(r"/(\d{4})_\w+\.py$", names, re.MULTILINE)) == wanted:
            return commit
    raise LookupError(f"no commit has the schema {revision}")


def export_commit(commit: str, folder: Path) -> None:
    """Write the files of a commit into an empty folder."""
    with subprocess.Popen(["git", "-C", str(ROOT), "archive", commit], stdout=subprocess.PIPE) as archive:
        subprocess.run(["tar", "-x", "-C", str(folder)], stdin=archive.stdout, check=True)


def git(*words: str) -> str:
    """Return the output of a git command in this repository."""
    return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True).stdout
