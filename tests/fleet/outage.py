"""PostgreSQL is away for longer than a health check has patience: every container stays healthy, and none starts anew."""

import time
from typing import Any

from tests.fleet import engine
from tests.fleet.project import OURS, Fleet
from tests.fleet.steps import analyze

_AWAY_S = 60
"""Three checks ten seconds apart, and what each may take, are over by then."""
_STATE = "{{.State.Health.Status}} {{.State.StartedAt}} {{.RestartCount}}"


def outlast(fleet: Fleet, key: str) -> dict[str, Any]:
    """Stop PostgreSQL, look at the containers, start it again; a job succeeds."""
    before = _read_states(fleet)
    assert {state.split()[0] for state in before.values()} == {"healthy"}, before
    fleet.compose("stop", "postgres")
    try:
        time.sleep(_AWAY_S)
        during = _read_states(fleet)
    finally:
        fleet.up("--no-deps", "--no-recreate", "postgres")
    assert during == before, (before, during)
    end = time.monotonic() + _AWAY_S
    while fleet.ask("GET", "/readyz", key).status != 200:
        assert time.monotonic() < end
        time.sleep(1)
    analyze(fleet, key)
    return {"database_away_s": _AWAY_S, "containers_healthy": len(during), "restarted": 0}


def _read_states(fleet: Fleet) -> dict[str, str]:
    """Of each of our containers: its health, when it was started, and how often the engine started it anew."""
    containers = [container for service in OURS for container in fleet.list_containers(service)]
    return {each: engine.run("docker", "inspect", "-f", _STATE, each).strip() for each in containers}
