"""The self-test: golden images of a package, decoded and scored on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from cxr_edge.errors import ImageError, ModelInvalid, SelfTestFailed
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.preprocess import preprocess
from cxr_edge.models.golden_set import GoldenImage, GoldenSet, read_golden_set
from cxr_edge.models.model import Model
from cxr_edge.models.package import SELFTEST


@dataclass(frozen=True)
class ImageTest:
    """One golden image, as recorded at export and as found on this machine."""

    image: GoldenImage
    """Image with its limits."""
    gray_levels: int
    """Largest difference of a pixel after decode and resize; 255 where it was not decoded."""
    mean_gray_levels: float
    """Mean difference of the pixels; 255 where it was not decoded."""
    not_decoded: str
    """Reason why it could not be decoded here; empty where it was."""
    there: float
    """Probability recorded at export."""
    here: float
    """Probability for the same pixels on this machine."""
    allowed: float
    """Largest |Δp| that passes."""

    @property
    def difference(self) -> float:
        """|Δp| of the model alone: both probabilities are of the pixels from the package."""
        return abs(self.here - self.there)

    @property
    def pixel_drift(self) -> str:
        """Difference of decode and resize, with numbers; empty where there is none."""
        image = self.image
        if self.not_decoded:
            return f"{image.name} cannot be decoded on this machine: {self.not_decoded}"
        if (
            self.gray_levels <= image.gray_levels
            and self.mean_gray_levels <= image.mean_gray_levels
        ):
            return ""
        return (
            f"{image.name}: decode or resize differ by up to {self.gray_levels} gray levels and "
            f"{self.mean_gray_levels:.2f} on average (allowed: {image.gray_levels} and "
            f"{image.mean_gray_levels:g})"
        )

    @property
    def model_drift(self) -> str:
        """Difference of the model, with numbers; empty where there is none."""
        if self.difference <= self.allowed:  # NaN is not
            return ""
        return (
            f"{self.image.name}: expected probability {self.there:.6f}, got {self.here:.6f} "
            f"(allowed |Δp|: {self.allowed:g})"
        )


@dataclass(frozen=True)
class SelfTestResult:
    """Result of one artefact on all golden images."""

    artefact: str
    """File in the package."""
    runtime: str
    """Runtime that ran it."""
    provider: str
    """Execution provider that the runtime used."""
    images: tuple[ImageTest, ...]
    """Golden images, in the order of the golden set."""

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
        """Whether no image differs."""
        return not any(image.pixel_drift or image.model_drift for image in self.images)


def require(results: Sequence[SelfTestResult]) -> None:
    """Raise unless every result passed.

    Raises
    ------
    SelfTestFailed
        Images differ; the message names each, once for decode and resize and once per model.
    """
    lines = [image.pixel_drift for result in results for image in result.images]
    for result in results:
        by = f"{result.artefact} by {result.runtime} ({result.provider})"
        lines += [f"{by}: {image.model_drift}" for image in result.images if image.model_drift]
    found = [line for line in dict.fromkeys(lines) if line]
    if found:
        raise SelfTestFailed(
            "self-test failed: results on this machine differ from those recorded at export: "
            f"{'; '.join(found)}. Install the versions in constraints.txt (installed are OpenCV "
            f"{cv2.__version__} and numpy {np.__version__}) or use another --runtime; "
            "'cxr verify PACKAGE --self-test' tests every artefact, 'cxr scan --no-self-test' "
            "scans anyway"
        )


def self_test(package: Path, model: Model) -> SelfTestResult:
    """Run a package's golden images through decode, resize and one of its artefacts.

    The model is given the pixels that the package has, so that differences of decode and resize
    are not attributed to it.

    Parameters
    ----------
    package
        Folder with a golden set.
    model
        One of its artefacts, opened.

    Raises
    ------
    ModelInvalid
        The package has no golden set, it is damaged, or it does not list this artefact.
    ModelError
        The runtime failed.
    """
    golden = read_golden_set(package)
    if golden is None:
        raise ModelInvalid(f"{package} has no {SELFTEST}; export the package again")
    return _run(golden, model, str(package / SELFTEST))


def _run(golden: GoldenSet, model: Model, source: str) -> SelfTestResult:
    if golden.input != model.spec.input:
        raise ModelInvalid(
            f"{source}: expected images of {model.spec.input} by recipe {model.spec.input.recipe}, "
            f"got {golden.input} by {golden.input.recipe}; "
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
            f"{model.artefact}: expected {len(golden.images)} probabilities for as many images, "
            f"got {len(scores)}; export it again"
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
