"""The Kubernetes base: every resource is listed, and every pod is confined, checked and told the same as in the compose file."""

from pathlib import Path
from typing import Any

import pytest
import yaml

BASE = Path(__file__).parents[2] / "deploy/kubernetes/base"
COMPOSE = yaml.safe_load((BASE.parents[2] / "docker-compose.yml").read_text())["services"]


def list_resources() -> list[dict[str, Any]]:
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    assert set(kustomization["resources"]) == {path.name for path in BASE.glob("*.yaml")} - {"kustomization.yaml"}
    return [part for name in kustomization["resources"] for part in yaml.safe_load_all((BASE / name).read_text())]


RESOURCES = list_resources()
PODS = {
    part["metadata"]["name"]: part["spec"]["template"] for part in RESOURCES if part["kind"] in {"Deployment", "Job"}
}


def test_there_is_all_that_the_compose_file_has_of_ours() -> None:
    assert set(PODS) == {name for name, service in COMPOSE.items() if "build" in service}


@pytest.mark.parametrize("name", PODS)
def test_every_pod_is_confined_and_checked(name: str) -> None:
    pod = PODS[name]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/data", "/tmp"}
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    assert container["resources"]["limits"]["memory"]
    assert container.get("args", []) == COMPOSE[name].get("command", [])
    assert container["image"] == COMPOSE[name]["image"].partition(":-")[2].removesuffix("}")
    if name != "migrate":
        role = COMPOSE[name]["healthcheck"]["test"][3]
        assert container["livenessProbe"]["exec"]["command"] == ["healthy", "live", role]
        assert container["readinessProbe"]["exec"]["command"] == ["healthy", "ready", role]
        assert pod["terminationGracePeriodSeconds"] >= 30


def test_selectors_meet_their_pods() -> None:
    for part in RESOURCES:
        selector = part["spec"].get("selector", {})
        labels = selector.get("matchLabels", selector)
        if labels:
            name = labels["app.kubernetes.io/component"]
            assert PODS[name]["metadata"]["labels"] == labels
        if part["kind"] == "HorizontalPodAutoscaler":
            assert part["spec"]["scaleTargetRef"]["name"] in PODS
