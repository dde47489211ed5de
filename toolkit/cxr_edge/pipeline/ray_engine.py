"""The engine of a cluster: actors of Ray on its machines, results in order."""

import contextlib
import math
import os
import secrets
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from cxr_edge.errors import CxrError, UsageError
from cxr_edge.extras import needs_extra
from cxr_edge.pipeline.actor_pool import ActorLost, Pool
from cxr_edge.pipeline.cluster_address import require_answer, why_refused
from cxr_edge.pipeline.engine import R, T
from cxr_edge.system.cpu import usable_cpus
from cxr_edge.system.printable import first_line, printable
from cxr_edge.system.stderr import drop_lines

JOB: Final = "cxr scan"
"""Command that a cluster lists as its job."""

STORE: Final = 128 << 20
"""Bytes of shared memory of a cluster of this machine alone: all that goes to an actor at once is
the function, with its model."""

ALONE: Final = 20
"""Seconds after which the last processes of a cluster of this machine end whose driver was killed;
those that work end at once."""


@dataclass
class RayEngine:
    """Actors of a cluster, or of one that is started on this machine and ends with this process.

    The cluster is connected to while the context lasts, and the actors live as long.
    """

    address: str | None = None
    """Address, as :mod:`cxr_edge.pipeline.cluster_address` has it; None to start one here."""
    actors: int | None = None
    """Count of actors; None for as many as there are CPUs, also those that join later."""
    cpus: int = 1
    """CPUs that each actor takes."""
    gpus: bool = False
    """Whether the GPUs of the cluster are shared out among the actors."""
    tell: Callable[[str], object] = lambda _message: None
    """Told when no machine is at work."""
    _open: ExitStack = field(default_factory=ExitStack, init=False, repr=False)
    _pool: "Pool[Any, Any] | None" = field(default=None, init=False, repr=False)
    _function: object = field(default=None, init=False, repr=False)

    def __enter__(self) -> Self:
        """Connect to the cluster, or start one.

        Raises
        ------
        MissingExtra
            Ray is not installed.
        UsageError
            The address is none.
        CxrError
            The cluster does not answer, or refuses this machine.
        """
        with self._open:
            if self.address is None:
                self._start(self.actors or max(1, usable_cpus() // self.cpus))
            else:
                self._connect(self.address)
            self._open = self._open.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the actors go, and the cluster if it was started here."""
        self._pool = self._function = None
        self._open.close()

    @property
    def workers(self) -> int:
        """Count of actors; where nobody asked for one, as many as there are CPUs now."""
        import ray

        return self.actors or max(1, int(ray.cluster_resources().get("CPU", 0)) // self.cpus)

    def map_ordered(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Call a function for each item in the actors; yield each item with its result, in order.

        The function is sent to each actor once. An item whose actor died is given to another; where
        it was in hand, to the function's method ``carefully`` if it has one, with the number of
        actors that died so: it must do the same even if the item is what ended them.

        Raises
        ------
        CxrError
            No machine was at work for long, or one item has ended many actors.
        """
        if self._pool is None or self._function is not function:
            actors = _Actors(function, {"num_cpus": self.cpus, "num_gpus": self._share()})
            self._pool = Pool(actors, lambda: self.workers, self.tell)
            self._function = function
        pool = self._pool
        try:
            yield from pool.map_ordered(items)
        finally:
            if pool.is_busy:
                pool.end()
                self._pool = None

    def _share(self) -> float:
        """Return the share of a GPU that each actor takes."""
        if not self.gpus:
            return 0
        import ray

        gpus = int(ray.cluster_resources().get("GPU", 0))
        if not gpus:
            raise UsageError(
                "expected a cluster with GPUs for this --device, got one without; leave --device "
                "out, or start machines that have one"
            )
        return min(1.0, math.floor(1e4 * gpus / self.workers) / 1e4)

    def _start(self, actors: int) -> None:
        """Start a cluster of this machine, whose token and folder nobody else can read."""
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
        os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  (as threads; 15 without)
        os.environ["RAY_gcs_rpc_server_reconnect_timeout_s"] = str(ALONE)  # noqa: SIM112  (its name)
        ray = _ray()
        # The process of a dashboard without pages asks which cloud this is, and does no more.
        ray._private.node.Node.start_api_server = lambda *_, **__: None  # noqa: SLF001
        folder = tempfile.TemporaryDirectory(prefix="cxr-ray-", ignore_cleanup_errors=True)
        self._open.enter_context(folder)
        self._open.callback(ray.shutdown)
        try:
            _init(
                ray,
                address="local",
                num_cpus=actors * self.cpus,
                num_gpus=None if self.gpus else 0,
                include_dashboard=False,
                object_store_memory=STORE,
                _temp_dir=f"{folder.name}/r",  # in one of ours: it lets anybody read its own
            )
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as exc:
            raise CxrError(
                f"a Ray cluster of this machine cannot be started ({first_line(exc)}); free "
                "memory, and see that TMPDIR names a folder with a short path"
            ) from exc

    def _connect(self, address: str) -> None:
        """Connect to a cluster."""
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        ray = _ray()
        require_answer(address)
        self._open.callback(ray.shutdown)
        shown = f"--address {printable(address)}"
        notes: list[bytes] = []
        try:
            with drop_lines(b"gcs_client.cc") as notes:
                _init(ray, address=address)
        except ray.exceptions.AuthenticationError as exc:
            raise CxrError(
                f"{shown}: expected the cluster's token, got none; give it in RAY_AUTH_TOKEN or in "
                "the file that RAY_AUTH_TOKEN_PATH names, or set RAY_AUTH_MODE=disabled for a "
                "cluster without one, which runs anyone's code"
            ) from exc
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as exc:
            raise CxrError(f"{shown}: {why_refused(exc, b''.join(notes))}") from exc


def _ray() -> Any:  # Any: it is loaded for a cluster alone, and ships few types
    """Return Ray, which reports nothing to its makers, and no argument to those of the cluster."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read when it is loaded
    with needs_extra("cxr scan --engine ray", "ray"):
        import ray
    # Its list of jobs has the command with all arguments, and a query may name a patient.
    ray._private.utils.get_entrypoint_name = lambda: JOB  # noqa: SLF001
    return ray


def _init(ray: Any, **options: object) -> None:
    """Call ``ray.init``; signals stay ours, and nothing but errors is printed."""
    ours = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(log_to_driver=False, configure_logging=False, logging_level="ERROR", **options)
    except SystemExit as exc:  # its own answer to SIGTERM meanwhile
        raise KeyboardInterrupt from exc
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, ours)
    # It prints the death of every worker to standard output, where a report may go.
    ray._private.worker._worker_logs_enabled = False  # noqa: SLF001


class _Worker:
    """An actor: one process of a machine, which is started again whenever it dies."""

    def __init__(self) -> None:
        self._function: Any = None

    def hello(self) -> tuple[str, str]:
        """Return the version of cxr-edge, and the name of the machine."""
        import platform

        from cxr_edge import __version__

        return __version__, platform.node()

    def work(self, reference: list[Any], item: object, deaths: int) -> object:
        """Return the result for an item; the function is fetched once, hence the list."""
        if self._function is None:
            import ray

            self._function = ray.get(reference[0])
        if deaths and hasattr(self._function, "carefully"):
            return self._function.carefully(item, deaths)
        return self._function(item)


class _Actors:
    """Actors of one function, as :class:`cxr_edge.pipeline.actor_pool.Actors`."""

    def __init__(self, function: object, needs: Mapping[str, float]) -> None:
        import ray

        self._ray: Any = ray
        self._function = ray.put(function)
        self._options = {**needs, "max_restarts": -1, "scheduling_strategy": "SPREAD"}

    def start(self) -> Any:
        return self._ray.remote(_Worker).options(**self._options).remote()

    def greet(self, actor: Any) -> Any:
        return actor.hello.options(max_task_retries=-1).remote()

    def call(self, actor: Any, item: object, deaths: int) -> Any:
        return actor.work.remote([self._function], item, deaths)

    def done(self, calls: list[Any], seconds: float) -> list[Any]:
        first, _ = self._ray.wait(calls, timeout=seconds)
        return self._ray.wait(calls, num_returns=len(calls), timeout=0)[0] if first else []

    def result(self, call: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(call)
        except errors.RayTaskError as exc:
            if isinstance(exc.cause, errors.RayError) and type(exc.cause) is not errors.RayError:
                raise ActorLost from exc  # it was interrupted, or did not get the function
            if isinstance(exc.cause, Exception):
                raise exc.cause from exc
            raise
        except errors.RayActorError as exc:
            if exc.actor_init_failed:
                raise UsageError(
                    "a machine of the cluster cannot load cxr-edge; install the same "
                    "'cxr-edge[ray]' on all of them"
                ) from exc
            raise ActorLost(is_dead=isinstance(exc, errors.ActorDiedError)) from exc
        except errors.RayError as exc:  # its machine died, or had no memory left
            raise ActorLost from exc

    def end(self, actor: Any) -> None:
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(actor)
