"""Does a package give on this machine what it gave where it was made? Told without data."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from cxr_edge.errors import ImageError, ModelInvalid, RuntimeUnavailable, SelfTestFailed
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.preprocess import preprocess
from cxr_edge.models.golden_set import GoldenImage, GoldenSet, has_golden_set, read_golden_set
from cxr_edge.models.load import Artefact
from cxr_edge.models.machine_cache import machine_cache
from cxr_edge.models.model import Model
from cxr_edge.models.package import FORMATS, SELFTEST
from cxr_edge.models.registry import AUTO, RUNTIMES, installed, runtimes_of
from cxr_edge.runtimes.base import OpenOptions
from cxr_edge.system.cpu import usable_cpus

PASSED: Final = "passed"
"""In the run manifest: run and passed."""

PASSED_BEFORE: Final = "passed before"
"""In the run manifest: this machine remembers that it passed."""

SKIPPED: Final = "skipped by --no-self-test"
"""In the run manifest: not asked for."""

SINGLE_FILE: Final = "none: a single file"
"""In the run manifest: there is no package around the model."""

NONE_INSIDE: Final = "none: the package has none"
"""In the run manifest: a package of an older version."""


@dataclass(frozen=True)
class ImageTest:
    """One golden image, there (where the package was made) and here."""

    image: GoldenImage
    """What was decoded, and what may differ."""
    gray_levels: int
    """Largest difference of a pixel after decode and resize; 255 where it was not decoded."""
    mean_gray_levels: float
    """Mean difference; 255 likewise."""
    not_decoded: str
    """Why it could not be decoded here; empty where it was."""
    there: float
    """Probability that the artefact gave for the pixels there."""
    here: float
    """Probability for the same pixels here."""
    allowed: float
    """Largest |Δp| that passes."""

    @property
    def difference(self) -> float:
        """|Δp|, of the model alone: both are of the pixels from there."""
        return abs(self.here - self.there)

    @property
    def pixel_drift(self) -> str:
        """How decode or resize differ, with numbers; empty where they do not."""
        image = self.image
        if self.not_decoded:
            return f"{image.name} cannot be decoded here: {self.not_decoded}"
        if (
            self.gray_levels <= image.gray_levels
            and self.mean_gray_levels <= image.mean_gray_levels
        ):
            return ""
        return (
            f"{image.name}: decode or resize drifted, pixels differ by up to {self.gray_levels} "
            f"gray levels and {self.mean_gray_levels:.2f} on average, allowed {image.gray_levels} "
            f"and {image.mean_gray_levels:g}"
        )

    @property
    def model_drift(self) -> str:
        """How the model differs, with numbers; empty where it does not."""
        if self.difference <= self.allowed:  # NaN is not
            return ""
        return (
            f"{self.image.name}: the model drifted, probability {self.there:.6f} there, "
            f"{self.here:.6f} here, allowed |Δp| {self.allowed:g}"
        )


@dataclass(frozen=True)
class SelfTestResult:
    """One artefact on all golden images."""

    artefact: str
    """File in the package."""
    runtime: str
    """That ran it."""
    provider: str
    """That the runtime used."""
    images: tuple[ImageTest, ...]
    """In the order of the golden set."""

    @property
    def gray_levels(self) -> int:
        """Largest difference of a pixel."""
        return max(image.gray_levels for image in self.images)

    @property
    def difference(self) -> float:
        """Largest |Δp|."""
        return float(np.max([image.difference for image in self.images]))  # NaN stays

    @property
    def passed(self) -> bool:
        """No image drifted."""
        return not any(image.pixel_drift or image.model_drift for image in self.images)


def require(results: Sequence[SelfTestResult]) -> None:
    """Do nothing where nothing drifted.

    Raises
    ------
    SelfTestFailed
        With every image that drifted: by decode or resize, which is told once, and by a model.
    """
    lines = [image.pixel_drift for result in results for image in result.images]
    for result in results:
        by = f"{result.artefact} by {result.runtime} ({result.provider})"
        lines += [f"{by}: {image.model_drift}" for image in result.images if image.model_drift]
    found = [line for line in dict.fromkeys(lines) if line]
    if found:
        raise SelfTestFailed(
            "self-test: this machine does not give what the package gave where it was made: "
            f"{'; '.join(found)}. Install the versions of constraints.txt (here OpenCV "
            f"{cv2.__version__}, numpy {np.__version__}) or try another --runtime; "
            "'cxr verify PACKAGE --self-test' shows every artefact, 'cxr scan --no-self-test' "
            "scans in spite of it"
        )


def self_test(package: Path, model: Model) -> SelfTestResult:
    """Run a package's golden images through decode, resize and one of its artefacts.

    The model is given the pixels from where the package was made, so that what drifts in decode
    and resize is not blamed on it.

    Parameters
    ----------
    package
        With a golden set.
    model
        One of its artefacts, opened.

    Raises
    ------
    ModelInvalid
        The package has no golden set, it is damaged, or it is not of this artefact.
    ModelError
        The runtime failed.
    """
    golden = read_golden_set(package)
    if golden is None:
        raise ModelInvalid(
            f"{package}: expected {SELFTEST} in it, it has none; export the package again"
        )
    return _run(golden, model, str(package / SELFTEST))


def check_once(model: Model) -> str:
    """Run the self-test the first time that this machine uses an artefact as it is.

    What passed is remembered, for the same package, artefact, runtime, provider, libraries and
    machine alone.

    Returns
    -------
    str
        What the run manifest says of it.

    Raises
    ------
    SelfTestFailed
        Something drifted.
    ModelError
        As :func:`self_test`.
    """
    if model.package is None:
        return SINGLE_FILE
    if not has_golden_set(model.package):
        return NONE_INSIDE
    if machine_cache(model.package).get(_question(model)) == PASSED:
        return PASSED_BEFORE
    require([_remembered(model.package, model)])
    return PASSED


def self_test_all(
    package: Path, runtime: str = AUTO, artefact: str = ""
) -> tuple[Sequence[SelfTestResult], Sequence[tuple[str, str]]]:
    """Run the self-test for every artefact of a package that can run here.

    Returns
    -------
    tuple
        Results; and file and runtime of each artefact that no installed runtime runs.

    Raises
    ------
    RuntimeUnavailable
        None can run here.
    ModelError
        As :func:`self_test`, or the package has no artefact for the runtime.
    """
    fit = {
        kind.file: [name for name in runtimes_of(kind.file) if runtime in (AUTO, name)]
        for kind in FORMATS.values()
        if artefact in ("", kind.file) and (package / kind.file).is_file()
    }
    if not any(fit.values()):
        raise ModelInvalid(
            f"{package} has no model for --runtime {runtime}; use another --runtime or a package "
            "that has one"
        )
    results, absent = [], []
    for file, names in fit.items():
        here = [name for name in names if installed(name)]
        if not here:
            absent += [(file, name) for name in names[:1]]
            continue
        loaded = Artefact.read(package / file, package)
        for name in here:
            model = loaded.load(name, OpenOptions(threads=usable_cpus()), "asked for")
            results.append(_remembered(package, model))
    if not results:
        how = " or ".join(sorted({RUNTIMES[name].install for _, name in absent}))
        raise RuntimeUnavailable(f"{package}: nothing in it can run here; {how}")
    return results, absent


def _remembered(package: Path, model: Model) -> SelfTestResult:
    """Run the self-test and remember that it passed, or forget that it once did."""
    result = self_test(package, model)
    machine_cache(package).put(_question(model), PASSED if result.passed else None)
    return result


def _question(model: Model) -> str:
    return (
        f"self-test of {model.artefact} {model.sha256} by {model.runtime_name} "
        f"({model.runtime.provider}), {model.spec.input!r}"  # --spec can give another
    )


def _run(golden: GoldenSet, model: Model, source: str) -> SelfTestResult:
    if golden.input != model.spec.input:
        raise ModelInvalid(
            f"{source}: its images were preprocessed to {golden.input} by {golden.input.recipe}, "
            f"the model takes {model.spec.input} by {model.spec.input.recipe}; "
            "export the package again"
        )
    expected = golden.artefacts.get(model.artefact)
    if expected is None:
        raise ModelInvalid(
            f"{source}: expected probabilities of {model.artefact}, got those of "
            f"{', '.join(golden.artefacts) or 'nothing'}; export the package again"
        )
    pixels = np.stack([image.pixels for image in golden.images])
    scores = model.runtime.run(pixels).scores.tolist()
    if len(scores) != len(golden.images):
        raise ModelInvalid(
            f"expected one probability an image, {model.artefact} gave {len(scores)} for "
            f"{len(golden.images)}; export it again"
        )
    return SelfTestResult(
        artefact=model.artefact,
        runtime=model.runtime_name,
        provider=model.runtime.provider,
        images=tuple(
            _test_image(image, model, there, here, expected.tolerance)
            for image, there, here in zip(
                golden.images, expected.probabilities, scores, strict=True
            )
        ),
    )


def _test_image(
    image: GoldenImage, model: Model, there: float, here: float, allowed: float
) -> ImageTest:
    spec = model.spec.input
    largest, mean, not_decoded = 255, 255.0, ""
    try:
        pixels = preprocess(decode(image.data, spec), spec)
        difference = np.abs(pixels.astype(np.int16) - image.pixels)
        largest, mean = int(difference.max()), float(difference.mean())
    except ImageError as exc:
        not_decoded = str(exc)
    return ImageTest(image, largest, mean, not_decoded, there, here, allowed)
