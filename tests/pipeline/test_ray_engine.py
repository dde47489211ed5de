"""The engine of a cluster: what it says where it cannot connect, and what it asks for."""

import builtins
import os
import subprocess
import sys
import tempfile
from typing import Any

import pytest

from cxr_edge.errors import CxrError, MissingExtra, UsageError
from cxr_edge.pipeline import ray_engine as module
from cxr_edge.pipeline.actor_pool import ActorLost
from cxr_edge.pipeline.ray_engine import RayEngine


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that the engine sets are taken back."""
    names = ("RAY_AUTH_TOKEN", "RAY_worker_niceness", "RAY_gcs_rpc_server_reconnect_timeout_s")
    values = {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "1", **dict.fromkeys(names, "1")}
    for name, value in values.items():
        monkeypatch.setenv(name, value)


class Refusing:
    """A Ray that refuses to connect."""

    class exceptions:  # noqa: N801  (its name)
        class RayError(Exception):
            pass

        class AuthenticationError(RayError):
            pass

    def __init__(self, error: Exception) -> None:
        self.error = error

    def init(self, **options: object) -> None:
        assert not options["log_to_driver"]
        raise self.error

    def shutdown(self) -> None:
        pass


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Refusing.exceptions.AuthenticationError("no token"), "expected the cluster's token, got"),
        (
            RuntimeError("Version mismatch: it was started with:\n    Ray: 2.1\n    Python: 3.12"),
            r"the cluster has other versions \(Ray: 2.1; Python: 3.12\); install the same Ray",
        ),
        (ConnectionError("Could not find any running Ray"), "where 'ray start' has joined it"),
    ],
)
def test_a_cluster_that_refuses_is_told(
    monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    """In our words, with what to do."""
    monkeypatch.setattr(module, "_ray", lambda: Refusing(error))
    with pytest.raises(CxrError, match=f"^--address auto: .*{message}"), RayEngine("auto"):
        pass


@pytest.mark.parametrize("address", ["", "head", "ray://head:10001", "head:", "head:x", ":1"])
def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Before anybody is asked."""
    monkeypatch.setattr(module, "_ray", lambda: Refusing(RuntimeError()))
    with pytest.raises(UsageError, match=r"^--address: expected HOST:PORT"), RayEngine(address):
        pass


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And how to install it."""
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "ray":
            raise ModuleNotFoundError("No module named 'ray'", name="ray")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"--engine ray needs the extra 'ray'"), RayEngine():
        pass


def test_ray_reports_to_nobody() -> None:
    """Usage statistics are off before it is loaded, whatever the environment says."""
    pytest.importorskip("ray", reason="the extra ray is not installed")
    module._ray()
    from ray._common.usage import usage_lib

    assert not usage_lib.usage_stats_enabled()


_JOBS = """
import sys
from cxr_edge.pipeline.ray_engine import JOB, RayEngine
with RayEngine(actors=1):
    import ray
    assert [job["Entrypoint"] for job in ray._private.state.jobs()] == [JOB], "an argument is told"
    processes = set(ray._private.worker._global_node.all_processes)
    assert "raylet" in processes
    assert "dashboard" not in processes, "it asks which cloud this machine is in"
print("told nothing")
"""


@pytest.mark.slow
def test_a_cluster_of_ours_tells_nothing() -> None:
    """It lists no argument of the command, since the value of a query may name a patient and all
    users of a cluster see its jobs; and no process of it asks which cloud this machine is in.
    """
    pytest.importorskip("ray", reason="the extra ray is not installed")
    # In a process of its own: Ray keeps hold of signals and of processes where it has run.
    with tempfile.TemporaryDirectory(prefix="cxr-", ignore_cleanup_errors=True) as folder:
        done = subprocess.run(
            [sys.executable, "-c", _JOBS, "PatientID=4711"],
            capture_output=True, text=True, check=False, env={**os.environ, "TMPDIR": folder},
        )  # fmt: skip
    assert done.stdout == "told nothing\n", done.stderr


def test_trouble_of_the_cluster_in_a_worker_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was interrupted, or did not get the function, gives its item to another."""
    ray = pytest.importorskip("ray", reason="the extra ray is not installed")
    raised: list[Exception] = []

    def get(_call: object) -> object:
        raise raised[-1]

    monkeypatch.setattr(ray, "put", lambda _function: None)
    monkeypatch.setattr(ray, "get", get)
    actors = module._Actors(print, {})
    for cause, expected in (
        (ray.exceptions.TaskCancelledError(), ActorLost),
        (ray.exceptions.ObjectLostError("", None, ""), ActorLost),
        (ray.exceptions.RayError("no pickle"), ray.exceptions.RayError),
        (CxrError("told"), CxrError),
    ):
        raised.append(ray.exceptions.RayTaskError("work", "traceback", cause))
        with pytest.raises(expected):
            actors.result(None)


def test_gpus_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each worker takes its part; a cluster without any is refused."""
    ray = pytest.importorskip("ray", reason="the extra ray is not installed")
    found = {"CPU": 8.0, "GPU": 2.0}
    monkeypatch.setattr(ray, "cluster_resources", lambda: found)
    assert RayEngine("auto", gpus=True)._share() == 0.25
    assert RayEngine("auto", 1, gpus=True)._share() == 1
    assert RayEngine("auto")._share() == 0
    found["GPU"] = 0.0
    with pytest.raises(UsageError, match="expected a cluster with GPUs"):
        RayEngine("auto", gpus=True)._share()
