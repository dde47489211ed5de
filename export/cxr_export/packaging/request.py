"""What is to be in a package, and the images that it takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cxr_edge.datasets.image_set import ImageSet, load_images
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.errors import DataError, UsageError
from cxr_edge.models.gates import FULL, GATES, Gate
from cxr_edge.models.package import FORMATS, Format
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.parity.images import choose, divide, list_parity_images, without

CALIBRATION_IMAGES: Final = 128
"""To begin with; the attempt that takes more takes four times as many."""

JUDGED_IMAGES: Final = 1000
"""Images on which artefacts are judged."""


@dataclass(frozen=True)
class Request:
    """What is to be in a package."""

    formats: Sequence[str] = (*FORMATS,)
    """Keys of :data:`cxr_edge.models.package.FORMATS`."""
    calibration: Sequence[Path] = ()
    """Folders and manifests of images to calibrate with; needed for formats of fewer bits."""
    data: Sequence[Path] = ()
    """Images to judge on; without, those of ``calibration`` that are of other patients."""
    calibration_images: int = CALIBRATION_IMAGES
    """To begin with."""
    judged_images: int = JUDGED_IMAGES
    """At most."""
    gates: Mapping[str, Gate] = field(default_factory=lambda: GATES)
    """By precision."""
    evaluation: Path | None = None
    """``evaluation.json`` of the same model, for the card; it is copied into the package."""
    notes: Path | None = None
    """Markdown for the card: how the model was chosen."""

    def __post_init__(self) -> None:
        if unknown := [name for name in self.formats if name not in FORMATS]:
            raise UsageError(
                f"--formats: expected some of {', '.join(FORMATS)}, got {', '.join(unknown)}"
            )
        if not self.formats:
            raise UsageError(f"--formats: expected some of {', '.join(FORMATS)}, got none")
        few = [kind.name for kind in self.kinds if kind.precision != FULL]
        if few and not self.calibration:
            raise UsageError(
                f"--formats {','.join(few)}: expected --calibration DATA, images like those that "
                "will be scanned: ranges are measured on some of them, and on others it is judged "
                "whether decisions stay; or export --formats onnx,tflite alone"
            )

    @property
    def kinds(self) -> list[Format]:
        """The formats, the most exact first."""
        return [kind for kind in FORMATS.values() if kind.name in self.formats]


def choose_images(wanted: Request, spec: ModelSpec) -> tuple[ImageSet, ImageSet] | None:
    """Return the images to calibrate with and those to judge on; None where none are given.

    Raises
    ------
    UsageError
        A path does not exist.
    DataError
        There are too few images, or none can be read.
    """
    given = [*wanted.calibration, *wanted.data]
    if not given:
        return None
    calibration = list_parity_images(wanted.calibration, spec.labels) if wanted.calibration else []
    if wanted.data:
        judged = list_parity_images(wanted.data, spec.labels)
        apart = {image.patient for image in judged}
        calibration = [image for image in calibration if image.patient not in apart]
    else:
        calibration, judged = divide(calibration, spec)
    if wanted.calibration and not calibration:
        raise DataError(
            "--calibration: expected images of other patients than those judged on, got none; "
            "give more images, or those to judge on with --data"
        )
    if not judged:
        raise DataError("expected images to judge on, all are calibrated with; give --data")
    used = _load(choose(judged, wanted.judged_images), spec)
    several = choose(calibration, 4 * wanted.calibration_images)
    if not several:
        return used, used  # nothing is calibrated
    return without(_load(several, spec), used.sha256), used


def _load(images: Sequence[LabelledImage], spec: ModelSpec) -> ImageSet:
    return load_images(images, spec.labels, spec.input, skip_unreadable=True)
