"""The part of a scan that runs on other machines: files to outcomes, by the driver's settings."""

import platform
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from cxr_edge.errors import CxrError, ModelError
from cxr_edge.isolation.culprits import culprits
from cxr_edge.isolation.heartbeat import InFlightTable, key
from cxr_edge.isolation.sandbox import Sandbox, memory_to_hold
from cxr_edge.isolation.self_watch import watch_self
from cxr_edge.jobs.session import ScanConfig, Session
from cxr_edge.jobs.session_record import record_of
from cxr_edge.models.locate import DEFAULT
from cxr_edge.models.package import CHECKSUMS, SELFTEST
from cxr_edge.models.preferred import Preferred
from cxr_edge.pipeline.classify import classify
from cxr_edge.pipeline.discover import ImageItem, Skipped
from cxr_edge.pipeline.outcome import Outcome
from cxr_edge.pipeline.prepare import to_pixels
from cxr_edge.reports.manifest import differences
from cxr_edge.spec.embedding import SPEC_MEMBER
from cxr_edge.storage.bounded import MAX_JSON, read_at_most

_GIVEN_SPEC: Final = "given-spec.json"
"""Name under which the file of ``--spec`` travels."""


@dataclass(frozen=True)
class Scored:
    """Outcomes of some files, and where they are from."""

    machine: str
    """Name of the machine."""
    outcomes: Sequence[Outcome]
    """One for each file, in order."""


@dataclass(frozen=True)
class RemoteScan:
    """A function from files to outcomes that travels with its model, and opens it once a process.

    A machine whose model, settings or runtime would give other rows refuses.
    """

    config: ScanConfig
    """Settings, with all that the driver has chosen."""
    preferred: Preferred
    """Artefact and runtime that the driver has chosen."""
    identity: Mapping[str, object]
    """Settings that make the rows, as the driver's manifest has them."""
    seconds: float
    """Time limit per file in seconds."""
    memory: int = 0
    """Bytes that a process may hold; 0 for a share of what is free there."""
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Files of the model by their names; none for the model that is installed everywhere."""

    @classmethod
    def of(cls, session: Session, seconds: float, memory: int = 0) -> "RemoteScan":
        """Return the function that scans as a session does.

        Parameters
        ----------
        session
            Session of the driver.
        seconds, memory
            As the fields.

        Raises
        ------
        ModelError
            The model's files cannot be read again.
        """
        config, model, decision = session.config, session.model, session.decision
        config = replace(
            config,
            on_input_check=decision.on_input_check.value,
            batch_size=session.batching.size,
            workers=1,
        )
        files: dict[str, bytes] = {}
        try:
            if config.model != DEFAULT:
                config = replace(config, model=model.artefact, runtime=model.runtime_name)
                names = [model.artefact]
                if model.package:
                    names += [CHECKSUMS, SPEC_MEMBER, SELFTEST]
                folder = model.folder or Path()
                files |= {
                    name: (folder / name).read_bytes()
                    for name in names
                    if name == model.artefact or (folder / name).is_file()
                }
            if config.spec:
                files[_GIVEN_SPEC] = read_at_most(config.spec, MAX_JSON)
                config = replace(config, spec=Path(_GIVEN_SPEC))
        except OSError as exc:
            raise ModelError(f"{config.model} cannot be read again: {exc.strerror}") from exc
        preferred = Preferred(
            model.runtime_name, model.sha256, session.batching.size, session.model.why
        )
        return cls(config, preferred, _settings(session), seconds, memory, files)

    def __call__(self, items: Sequence[ImageItem]) -> Scored:
        """Return the outcomes of files.

        Raises
        ------
        CxrError
            This machine cannot scan as the driver does; the text names it.
        """
        with _named():
            session = self._session
            size = session.batching.size
            call = partial(
                classify,
                model=session.model,
                decision=session.decision,
                batching=session.batching,
                checks=session.checks,
                prepare=Sandbox(self._in_flight).prepare,
            )
            batches = [call(items[start : start + size]) for start in range(0, len(items), size)]
            return Scored(platform.node(), [outcome for batch in batches for outcome in batch])

    def carefully(self, items: Sequence[ImageItem], deaths: int) -> Scored:
        """Return the outcomes of files of which one may have ended an earlier process.

        Each file that does so is decoded in a process of its own; where none was found and a
        process ended all the same, every file is.

        Parameters
        ----------
        items
            Files.
        deaths
            Processes that have ended with these files in hand.
        """
        with _named():
            table = self._in_flight
            if deaths > 1:
                suspects = {key(item.where) for item in items}
            else:
                files = [(item.where, item.storage) for item in items]
                make = partial(to_pixels, spec=self._session.model.spec.input)
                suspects = culprits(files, make, table)
            table.suspects |= suspects
            try:
                return self(items)
            finally:
                table.suspects -= suspects

    @cached_property
    def _in_flight(self) -> InFlightTable:
        table = InFlightTable()
        table.limit(self.seconds, self.memory or memory_to_hold())
        watch_self(table)
        return table

    @cached_property
    def _session(self) -> Session:
        with tempfile.TemporaryDirectory(prefix="cxr-model-") as name:
            folder, config = Path(name), self.config
            for file, data in self.files.items():
                (folder / file).write_bytes(data)
            if config.model in self.files:
                config = replace(config, model=str(folder / config.model))
            if config.spec:
                config = replace(config, spec=folder / config.spec)
            session = Session.open(config, self.preferred)
        if others := differences(self.identity, _settings(session)):
            raise ModelError(
                f"expected the model and settings of the scan, got others here: "
                f"{'; '.join(others.values())}; install the same versions of cxr-edge and of its "
                "runtimes on all machines of the cluster, or name a --runtime and --device that "
                "all have"
            )
        return session


def _settings(session: Session) -> Mapping[str, object]:
    return record_of(session, Skipped(), {}).settings


@contextmanager
def _named() -> Iterator[None]:
    """Name this machine in an error."""
    machine = platform.node()
    try:
        yield
    except CxrError as exc:
        if str(exc).startswith(f"{machine}: "):
            raise
        raise type(exc)(f"{machine}: {exc}") from exc
