"""etc/kubernetes: valid by Kubernetes' own schemas, and true in what no schema knows.

Here: the files, and what `kubectl apply -k` would make of them where kubectl is installed. Not here: a cluster.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from support.gunicorn import environment, settings_of

import wsgi_gateway
from wsgi_gateway import create_app, load_config
from wsgi_gateway.serving.switches import shutdown_delay

Json = dict[str, Any]
FOLDER = Path(__file__).parents[1] / "etc" / "kubernetes"
NOT_APPLIED = {"kustomization.yaml", "config.yaml", "prometheus-adapter.yaml"}
FOREIGN_KINDS = {"PodMonitor"}
"""The Prometheus operator's, for which Kubernetes has no schema."""

VERSIONS = ["1.30", "1.34", "1.37"]
"""From the oldest that has all that is used (ContainerResource) to the newest with a schema here."""


def load(name: str) -> Json:
    loaded: Json = yaml.safe_load((FOLDER / name).read_text())
    return loaded


def objects() -> list[Json]:
    """What Kubernetes has schemas for, as it stands in the files."""
    files = {file.name for file in FOLDER.glob("*.yaml")}
    found = [load(name) for name in sorted(files - NOT_APPLIED)]
    return [one for one in found if one["kind"] not in FOREIGN_KINDS]


DEPLOYMENT = load("deployment.yaml")
POD: Json = DEPLOYMENT["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]
LABELS = {"app.kubernetes.io/name": "wsgi-gateway"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("resource", objects(), ids=lambda resource: resource["kind"])
def test_schema(resource: Json, version: str) -> None:
    kubernetes_validate.validate(resource, version, strict=True)


def test_schema_finds_mistakes() -> None:
    wrong = {**load("service.yaml"), "spec": {"port": [{"port": "http"}]}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomization_is_whole() -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", FOLDER], capture_output=True, text=True, timeout=60, check=True
    )
    made = {resource["kind"]: resource for resource in yaml.safe_load_all(done.stdout)}
    assert set(made) == {
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "Service",
    }
    for resource in made.values():
        kubernetes_validate.validate(resource, VERSIONS[-1], strict=True)
    pod = made["Deployment"]["spec"]["template"]["spec"]
    mounted = {volume["name"]: volume for volume in pod["volumes"]}["config"]
    assert mounted["configMap"]["name"] == made["ConfigMap"]["metadata"]["name"]
    assert pod["containers"][0]["image"].endswith(f"/wsgi-gateway:{wsgi_gateway.__version__}")


def test_kustomization_lists_the_files_that_exist() -> None:
    kustomization = load("kustomization.yaml")
    left_out = {"secret.example.yaml", "pod-monitor.yaml"} | NOT_APPLIED
    assert {*kustomization["resources"]} == {file.name for file in FOLDER.iterdir()} - left_out
    (generator,) = kustomization["configMapGenerator"]
    volumes = {volume["name"]: volume for volume in POD["spec"]["volumes"]}
    assert volumes["config"]["configMap"]["name"] == generator["name"]
    (image,) = kustomization["images"]
    assert image["name"] == CONTAINER["image"]


def test_selectors_find_the_pods() -> None:
    assert POD["metadata"]["labels"] == LABELS
    assert DEPLOYMENT["spec"]["selector"]["matchLabels"] == LABELS
    assert load("service.yaml")["spec"]["selector"] == LABELS
    for name in ("pod-disruption-budget.yaml", "pod-monitor.yaml"):
        assert load(name)["spec"]["selector"]["matchLabels"] == LABELS, name
    for constraint in POD["spec"]["topologySpreadConstraints"]:
        assert constraint["labelSelector"]["matchLabels"] == LABELS


def test_ports_are_where_gunicorn_listens(tmp_path: Path) -> None:
    variables = {entry["name"]: entry["value"] for entry in CONTAINER["env"]}
    settings = settings_of(environment(tmp_path, **variables))
    (port,) = CONTAINER["ports"]
    assert settings["bind"] == f"['0.0.0.0:{port['containerPort']}']"
    assert settings["workers"] == "1", "pods are what is scaled"
    (service_port,) = load("service.yaml")["spec"]["ports"]
    assert service_port["targetPort"] == port["name"]
    assert POD["metadata"]["annotations"]["prometheus.io/port"] == str(port["containerPort"])
    (endpoint,) = load("pod-monitor.yaml")["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] == port["name"]


def test_a_pod_has_the_time_that_gunicorn_gives_its_streams(tmp_path: Path) -> None:
    graceful = int(settings_of(environment(tmp_path))["graceful_timeout"])
    variables = {entry["name"]: entry["value"] for entry in CONTAINER["env"]}
    pause = shutdown_delay(variables)
    assert pause > 0, "every node has to learn that the pod is leaving"
    assert POD["spec"]["terminationGracePeriodSeconds"] >= pause + graceful + 5


def test_paths_exist() -> None:
    client = create_app(load_config(FOLDER / "config.yaml", secrets())).test_client()
    paths = {
        CONTAINER[f"{kind}Probe"]["httpGet"]["path"]
        for kind in ("startup", "readiness", "liveness")
    }
    assert paths == {"/healthz", "/readyz"}
    (endpoint,) = load("pod-monitor.yaml")["spec"]["podMetricsEndpoints"]
    scraped = POD["metadata"]["annotations"]["prometheus.io/path"]
    assert endpoint["path"] == scraped
    for path in (*paths, scraped):
        assert client.get(path).status_code == 200, path


def test_autoscaler_asks_for_a_metric_that_there_is() -> None:
    scaler = load("horizontal-pod-autoscaler.yaml")["spec"]
    target = scaler["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", DEPLOYMENT["metadata"]["name"])
    assert "replicas" not in DEPLOYMENT["spec"], "every apply would undo what the autoscaler chose"
    pods, cpu = scaler["metrics"]
    metric = pods["pods"]["metric"]["name"]
    client = create_app(load_config(FOLDER / "config.yaml", secrets())).test_client()
    assert f"\n{metric}{{" in client.get("/metrics").text
    (rule,) = load("prometheus-adapter.yaml")["rules"]["custom"]
    assert rule["seriesQuery"].startswith(f"{metric}{{")
    assert set(rule["resources"]["overrides"]) == {"namespace", "pod"}
    assert re.findall(r"<<\.\w+>>", rule["metricsQuery"]) == [
        "<<.Series>>",
        "<<.LabelMatchers>>",
        "<<.GroupBy>>",
    ]
    assert cpu["containerResource"]["container"] == CONTAINER["name"]


def secrets() -> dict[str, str]:
    """The Secret's keys, with values that its owner would fill in."""
    data = load("secret.example.yaml")["stringData"]
    return {
        name: "redis://127.0.0.1:1/0" if name == "STATE_REDIS" else f"a-key-{name}" for name in data
    }


def test_keys_come_from_the_secret_and_nowhere_else() -> None:
    example = load("secret.example.yaml")
    (source,) = CONTAINER["envFrom"]
    assert source["secretRef"]["name"] == example["metadata"]["name"]
    assert all(re.fullmatch("<.+>", value) for value in example["stringData"].values())
    named = set(re.findall(r"\$(\w+)", re.sub("#.*", "", (FOLDER / "config.yaml").read_text())))
    assert named == set(example["stringData"])
    config = load("config.yaml")
    assert all(entry["access_key"].startswith("$") for entry in config["model_providers"])
    assert all(
        not re.search("KEY|TOKEN|SECRET|PASSWORD", entry["name"]) for entry in CONTAINER["env"]
    )


def test_config_is_mounted_where_it_is_read() -> None:
    volumes = {volume["name"] for volume in POD["spec"]["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert set(mounts) == volumes
    assert CONTAINER["args"] == ["--config", f"{mounts['config']}/config.yaml"]


def test_pods_may_do_as_little_as_possible() -> None:
    pod, container = POD["spec"]["securityContext"], CONTAINER["securityContext"]
    (uid,) = re.findall(r"--uid (\d+)", (FOLDER.parents[1] / "Dockerfile").read_text())
    assert (pod["runAsNonRoot"], pod["runAsUser"]) == (True, int(uid))
    assert pod["seccompProfile"]["type"] == "RuntimeDefault"
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["spec"]["automountServiceAccountToken"] is False


def test_the_services_variables_are_not_taken_for_the_gateways() -> None:
    """Kubernetes would set WSGI_GATEWAY_PORT=tcp://... for a Service of this name."""
    variable = load("service.yaml")["metadata"]["name"].upper().replace("-", "_") + "_PORT"
    assert variable == "WSGI_GATEWAY_PORT"
    assert POD["spec"]["enableServiceLinks"] is False
