"""Everything that a scan needs open: model, threshold, input checks and batch size."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_edge.errors import CxrError, UsageError
from cxr_edge.isolation.model_trial import try_model
from cxr_edge.models.batch_size import Batching, choose_batching
from cxr_edge.models.checksums import missing_artefacts
from cxr_edge.models.consistency import answers_once
from cxr_edge.models.device_choice import choice_for
from cxr_edge.models.features import require_features
from cxr_edge.models.heat_map import require_maps
from cxr_edge.models.locate import DEFAULT, identified_spec, model_path
from cxr_edge.models.model import Model
from cxr_edge.models.open import open_any, open_artefact
from cxr_edge.models.package import CHECKSUMS
from cxr_edge.models.preferred import Preferred
from cxr_edge.models.registry import original_of
from cxr_edge.models.self_test_runs import SKIPPED, check_once
from cxr_edge.pipeline.decision import Decision
from cxr_edge.pipeline.input_check import CHECKS, InputCheck, checks_for
from cxr_edge.runtimes.providers import AUTO, CPU
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.on_input_check import OnInputCheck
from cxr_edge.spec.review_band import REVIEW
from cxr_edge.spec.spec_file import SpecFile
from cxr_edge.system.cpu import usable_cpus
from cxr_edge.system.plural import worded
from cxr_edge.system.ranges import BATCH_SIZE, SHARE, THREADS, WORKERS, Range

if TYPE_CHECKING:
    from cxr_edge.pipeline.classifier import Classifier

_RANGES: Final[Mapping[str, Range]] = {
    "threshold": SHARE,
    "batch_size": BATCH_SIZE,
    "workers": WORKERS,
    "threads": THREADS,
}
"""Setting to the numbers that it may have."""

_OPTIONAL: Final = frozenset({"threshold", "batch_size", "workers", "threads"})
"""Settings that may be None."""


@dataclass(frozen=True)
class ScanConfig:
    """Settings of a scan: which model, and how it runs."""

    model: str = DEFAULT
    """``default``, a model package, or an ``.onnx`` or ``.tflite`` file."""
    spec: Path | None = None
    """Spec file for a model that carries none, or in place of the one inside."""
    runtime: str = AUTO
    """``auto``, or a key of :data:`cxr_edge.models.registry.RUNTIMES`."""
    device: str = AUTO
    """``auto``, or one of :data:`cxr_edge.runtimes.providers.DEVICES`."""
    operating_point: str | None = None
    """Name of a threshold of the model; None for the model's default."""
    threshold: float | None = None
    """Threshold from 0 to 1, in place of a name."""
    review_band: bool = False
    """Whether images in the model's review band are labelled ``review``."""
    on_input_check: str | None = None
    """Answer to images that should not be scored, of
    :class:`cxr_edge.spec.on_input_check.OnInputCheck`; None for ``review``, or for that of the
    report to be continued."""
    batch_size: int | None = None
    """Images per model call; None for the fastest."""
    workers: int | None = None
    """Files processed in parallel; None for as many as usable CPUs."""
    threads: int | None = None
    """CPU threads per model call; None for those that were chosen for this machine, or 1."""
    self_test: bool = True
    """Whether the package's self-test runs before its first use on this machine."""
    allow_nondeterministic: bool = False
    """Whether a model is used whose answer to an image varies, or depends on other images."""
    maps: bool = False
    """Whether the model must give heat maps."""

    def __post_init__(self) -> None:
        """Check the values that need no model.

        Raises
        ------
        UsageError
            A value is out of range, or two exclude each other.
        """
        if self.operating_point is not None and self.threshold is not None:
            raise UsageError("operating_point and threshold exclude each other; give one")
        if self.on_input_check not in (None, *OnInputCheck):
            raise UsageError(
                f"on_input_check: expected {', '.join(OnInputCheck)}, got {self.on_input_check!r}"
            )
        for name, within in _RANGES.items():
            value = getattr(self, name)
            if value is not None or name not in _OPTIONAL:
                object.__setattr__(self, name, within.require(name, value))


@dataclass(frozen=True)
class Session:
    """An opened scan: everything that is the same for each of its files."""

    config: ScanConfig
    """Settings that it was opened with."""
    model: Model
    """Model that gives probabilities."""
    decision: Decision
    """Rule that makes labels of them."""
    batching: Batching
    """Way in which images are handed to the model."""
    self_test: str = SKIPPED
    """Verdict of the self-test, as in the run manifest."""
    warnings: tuple[str, ...] = ()
    """Doubts about the model."""
    checks: tuple[InputCheck, ...] = CHECKS
    """Checks that flag images."""
    spec_file: SpecFile | None = None
    """File whose spec is used in place of that inside the model."""

    @classmethod
    def open(
        cls,
        config: ScanConfig,
        preferred: Preferred | None = None,
        *,
        originals: bool = False,
        chosen: bool = False,
    ) -> "Session":
        """Open the model, test it and find the batch size.

        Parameters
        ----------
        config
            Settings.
        preferred
            Model and runtime of a report that is to be continued, which ``auto`` takes again.
        originals
            Whether the model may be one that artefacts are made from, which Keras or TensorFlow
            runs; no scan takes one.
        chosen
            Whether ``auto`` takes what ``cxr benchmark --choose`` found to be the fastest here.

        Raises
        ------
        UsageError
            A setting cannot work.
        ModelError
            The model cannot be run here, or its answers are no probabilities or vary.
        SelfTestFailed
            The model gives other results here than where its package was made.
        """
        spec, spec_file = identified_spec(config.spec) if config.spec else (None, None)
        wanted, doubt = preferred, ""
        if chosen and preferred is None and _is_open(config):
            choice, doubt = choice_for(model_path(config.model))
            if choice:
                wanted = Preferred(choice.runtime, choice.sha256, 1, choice.why)
                config = replace(config, threads=config.threads or choice.threads)
        config = replace(config, threads=config.threads or 1)
        if originals and original_of(Path(config.model)):
            model = open_any(config.model, config.runtime, spec=spec)
        else:
            try_model(config.model, config.runtime, config.device, spec)
            model = open_artefact(
                config.model,
                config.runtime,
                device=config.device,
                spec=spec,
                threads=config.threads,
                preferred=wanted,
                maps=config.maps,
            )
        decision = Decision.of(
            model.spec,
            config.operating_point,
            config.threshold,
            review_band=config.review_band,
            on_input_check=_answer(config, preferred, model.spec),
        )
        verdict = check_once(model) if config.self_test else SKIPPED
        answers = answers_once(model)
        answers.require_probabilities(config.model)
        if not config.allow_nondeterministic:
            answers.require_function(config.model)
        if config.maps:
            require_maps(model)
        if model.spec.input_check:
            require_features(model, model.spec.input_check.features)
        workers = config.workers or usable_cpus()
        batching = choose_batching(model, config.batch_size, workers, preferred)
        if spec_file:
            spec_file = replace(spec_file, doubt=model.spec.site_doubt(decision.operating_point))
        of_site = spec_file.doubt if spec_file else ""
        found = (doubt, of_site, _incomplete(model), answers.sameness, _unchecked(config, model))
        warnings = tuple(filter(None, found))
        checks = checks_for(model.spec)
        return cls(config, model, decision, batching, verdict, warnings, checks, spec_file)

    @property
    def classifier(self) -> "Classifier":
        """Classifier of single images, which scores them as a scan does."""
        from cxr_edge.pipeline.classifier import Classifier

        return Classifier(self.model, self.decision, self.checks, self.batching)

    @property
    def workers(self) -> int:
        """Files processed in parallel."""
        return self.config.workers or usable_cpus()


def _is_open(config: ScanConfig) -> bool:
    """Return whether a package is to be opened by whichever runtime is the best on the CPU."""
    package = model_path(config.model)
    is_open = config.runtime == AUTO and config.device in (AUTO, CPU)
    # Path raises for a name that is too long.
    return is_open and os.path.isfile(package / CHECKSUMS)  # noqa: PTH113


def _answer(config: ScanConfig, preferred: Preferred | None, spec: ModelSpec) -> OnInputCheck:
    """Return the answer to images that should not be scored.

    A report of a version without it has labelled all images, and goes on so; so does a model that
    calls a class by the name that stands for review.
    """
    if config.on_input_check is not None:
        return OnInputCheck(config.on_input_check)
    if preferred and preferred.on_input_check in tuple(OnInputCheck):
        return OnInputCheck(preferred.on_input_check)
    return OnInputCheck.FLAG if REVIEW in spec.labels else OnInputCheck.REVIEW


def _unchecked(config: ScanConfig, model: Model) -> str:
    """Return the warning that a spec takes the model's statistics away; empty where it doesn't."""
    if config.spec is None or model.spec.input_check:
        return ""

    from cxr_edge.models.inventory import spec_of

    try:
        own = spec_of(model_path(config.model))
    except CxrError:  # it carries none, which is why one was given
        return ""
    if own.input_check is None:
        return ""
    return (
        f"{config.spec} has no input_check, and the spec of {config.model} has: images are checked "
        "by rules alone; copy input_check to it, or make it again from the model"
    )


def _incomplete(model: Model) -> str:
    """Return the warning that artefacts were not there to choose from; empty where all were."""
    missing = missing_artefacts(model.package) if model.package else []
    if not missing:
        return ""
    return (
        f"{model.package}: expected the artefacts that {CHECKSUMS} lists, "
        f"{' and '.join(missing)} {worded(len(missing), 'is', 'are')} missing; {model.artefact} "
        "is used; copy or export the package again"
    )
