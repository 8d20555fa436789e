"""The Kubernetes base: every resource is listed, and every pod is confined, probed and configured like in the compose file."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

BASE = Path(__file__).parents[2] / "deploy/kubernetes/base"
PAGE = (BASE.parents[2] / "docs/how-to/install-on-kubernetes.md").read_text()
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


def test_every_resource_is_one_that_kubernetes_knows() -> None:
    for part in RESOURCES:
        kubernetes_validate.validate(part, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl isn't installed")
def test_the_example_overlay_is_rendered_as_it_should(tmp_path: Path) -> None:
    shutil.copytree(BASE.parent, tmp_path / "kubernetes")
    overlay = tmp_path / "kubernetes/overlays/example"
    (overlay / "secrets.env").write_text("EMOSCOPE_DATABASE_URL=postgresql://x\n")
    done = subprocess.run(
        ["kubectl", "kustomize", str(overlay)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    rendered = [part for part in yaml.safe_load_all(done.stdout) if part]
    for part in rendered:
        kubernetes_validate.validate(part, kubernetes_validate.latest_version(), strict=True)
        assert part["metadata"]["namespace"] == "emoscope"
    made = {part["metadata"]["name"] for part in rendered if part["kind"] in {"ConfigMap", "Secret"}}
    for part in rendered:
        for container in part.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            assert container["image"].startswith("registry.example.com/emoscope/")
            named = {next(iter(each.values()))["name"] for each in container["envFrom"]}
            named |= {
                each["valueFrom"]["secretKeyRef"]["name"] for each in container.get("env", []) if "valueFrom" in each
            }
            assert named == made, "its settings and secrets are those that the overlay makes"
    assert len(rendered) == len(RESOURCES) + 2


def test_the_pods_of_the_api_and_the_workers_are_never_all_away_and_workers_follow_the_queue() -> None:
    kinds = {(part["kind"], part["metadata"]["name"]) for part in RESOURCES}
    for name in ("api", "worker"):
        assert ("PodDisruptionBudget", name) in kinds
    (scaler,) = [part for part in RESOURCES if part["kind"] == "HorizontalPodAutoscaler"]
    metric = scaler["spec"]["metrics"][0]["external"]["metric"]["name"]
    assert f'"{metric}"' in (BASE.parents[2] / "api/monitoring/state_metrics.py").read_text()
    (rule,) = yaml.safe_load(re.findall(r"^ *```yaml\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)[0])["externalRules"]
    assert rule["name"]["as"] == rule["seriesQuery"] == metric, "the page has the adapter serve it"


def test_beat_is_told_the_queue_alone() -> None:
    (container,) = PODS["beat"]["spec"]["containers"]
    assert container["envFrom"] == [{"configMapRef": {"name": "emoscope"}}]
    assert [each["name"] for each in container["env"]] == ["EMOSCOPE_REDIS_URL"]
    assert set(COMPOSE["beat"]["environment"]) == {"EMOSCOPE_REDIS_URL"}


def test_an_upgrade_can_apply_the_migration_alone_and_wait_for_it() -> None:
    """By the label and the name that the page gives."""
    (job,) = [part for part in RESOURCES if part["kind"] == "Job"]
    ((label, value),) = job["metadata"]["labels"].items()
    assert f"-l {label}={value}" in PAGE
    overlay = yaml.safe_load((BASE.parent / "overlays/example/kustomization.yaml").read_text())
    (patch,) = yaml.safe_load(overlay["patches"][0]["patch"])
    assert f"job/{patch['value']}" in PAGE
    assert {image["name"] for image in overlay["images"]} == {
        pod["spec"]["containers"][0]["image"] for pod in PODS.values()
    }


def test_every_secret_that_the_page_names_is_one_that_the_compose_file_gives() -> None:
    (lines,) = re.findall(r"secrets.env <<END\n(.*?) *END", PAGE, re.DOTALL)
    named = set(re.findall(r"(EMOSCOPE_\w+)=", lines))
    assert named == {
        name for name in COMPOSE["worker"]["environment"] if re.search("DATABASE_URL|REDIS_URL|S3_.*KEY", name)
    }
