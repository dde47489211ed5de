"""The example files for clusters: they are what the tools that read them expect, and safe."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import SAMPLES

yaml = pytest.importorskip("yaml", reason="no reader of YAML is installed")
FILES = sorted((SAMPLES / "cluster").glob("*.yaml"))


def content(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


def containers(node: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each pod of a Kubernetes object with each of its containers."""
    if isinstance(node, dict):
        for container in node.get("containers", []):
            yield node, container
        for value in node.values():
            yield from containers(value)
    elif isinstance(node, list):
        for value in node:
            yield from containers(value)


def test_ray_takes_the_cluster_file() -> None:
    """It is valid by the schema of the Ray that is installed."""
    ray = pytest.importorskip("ray", reason="the extra ray is not installed")
    jsonschema = pytest.importorskip("jsonschema", reason="no validator is installed")
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    jsonschema.validate(content(SAMPLES / "cluster" / "ray-cluster.yaml"), schema)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_cluster_reports_to_anybody_or_is_open(file: Path) -> None:
    """Usage statistics are off, and a token is needed."""
    text = file.read_text()
    assert "RAY_USAGE_STATS_ENABLED" in text
    assert "disable-usage-stats" in text
    assert "RAY_USAGE_STATS_REPORT_URL" in text
    assert "RAY_AUTH_MODE=token" in text or "mode: token" in text


def test_pods_have_limits_and_no_root() -> None:
    """Each container is bounded, and runs as a user without privileges."""
    job = content(SAMPLES / "cluster" / "rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    found = list(containers(job["spec"]))
    assert len(found) == 3
    for pod, container in found:
        assert pod["securityContext"]["runAsNonRoot"]
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        assert {"cpu", "memory"} == container["resources"]["limits"].keys()
        assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in container["env"]
