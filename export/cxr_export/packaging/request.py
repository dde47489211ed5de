"""Content of a package, and the images that the export uses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cxr_edge.datasets.image_set import ImageSet, load_images
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.datasets.training_images import TrainingImages
from cxr_edge.errors import DataError, UsageError
from cxr_edge.models.gates import GATES, Gate
from cxr_edge.models.package import FORMATS, ArtefactFormat
from cxr_edge.runtimes.adapter import BESIDE
from cxr_edge.runtimes.base import FEATURES, MAP
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.precision import Precision
from cxr_export.parity.images import divide, even_choice, list_parity_images, without

CALIBRATION_IMAGES: Final = 128
"""Images to calibrate with first; a later attempt takes four times as many."""

JUDGED_IMAGES: Final = 1000
"""Largest number of images on which artefacts are judged."""


@dataclass(frozen=True)
class Request:
    """Content of a package."""

    formats: Sequence[str] = ()
    """Keys of :data:`cxr_edge.models.package.FORMATS`; none for all that can be made."""
    calibration: Sequence[Path] = ()
    """Folders and manifests of images to calibrate with; quantized formats need them."""
    data: Sequence[Path] = ()
    """Images to judge on; if empty, some patients of ``calibration`` are kept for it."""
    calibration_images: int = CALIBRATION_IMAGES
    """Images to calibrate with first."""
    judged_images: int = JUDGED_IMAGES
    """Largest number of images to judge on."""
    gates: Mapping[Precision, Gate] = field(default_factory=lambda: GATES)
    """Limits by precision."""
    evaluation: Path | None = None
    """``evaluation.json`` of the same model, for the card; the package gets a copy."""
    notes: Path | None = None
    """Markdown for the card: how the model was chosen."""
    heat_map: bool = True
    """Whether the artefacts give heat maps, where the network's ending has them."""
    features: bool = True
    """Whether the artefacts give feature vectors, where the network's ending has them."""
    not_chest: Sequence[Path] = ()
    """Folders of images that are no frontal chest X-rays, in a folder for each kind; with some,
    the spec gets statistics that inputs are checked with."""
    more_chest: Sequence[Path] = ()
    """Folders of frontal chest X-rays of other hospitals, for these statistics."""
    license_name: str = ""
    """License of the model, for the card; empty where it is not known."""

    def __post_init__(self) -> None:
        if unknown := [name for name in self.formats if name not in FORMATS]:
            raise UsageError(
                f"--formats: expected some of {', '.join(FORMATS)}, got {', '.join(unknown)}"
            )
        if self.more_chest and not self.not_chest:
            raise UsageError("--more-chest: expected --not-chest DIR with it, got none")
        if self.not_chest and not self.calibration:
            raise UsageError("--not-chest: expected --calibration DATA with it, got none")
        few = [kind.name for kind in self.kinds if _needs_images(kind)]
        if few and not self.calibration:
            raise UsageError(
                f"--formats {','.join(few)}: expected --calibration DATA, images like those that "
                "will be scanned: some of them calibrate, the others judge the result; or export "
                "only --formats onnx,tflite"
            )

    @property
    def kinds(self) -> list[ArtefactFormat]:
        """The formats, the most exact first."""
        if self.formats:
            return [kind for kind in FORMATS.values() if kind.name in self.formats]
        return [kind for kind in FORMATS.values() if self.calibration or not _needs_images(kind)]

    @property
    def beside(self) -> tuple[str, ...]:
        """Outputs that are asked for beside the probability."""
        asked = {MAP: self.heat_map, FEATURES: self.features}
        return tuple(name for name in BESIDE if asked[name])

    @property
    def left_out(self) -> list[str]:
        """The formats that were not excluded, and cannot be made without images."""
        return [] if self.formats else [name for name in FORMATS if FORMATS[name] not in self.kinds]


def _needs_images(kind: ArtefactFormat) -> bool:
    return kind.precision != Precision.FP32


def choose_images(
    wanted: Request, spec: ModelSpec, known: TrainingImages | None
) -> tuple[ImageSet, ImageSet] | None:
    """Return the images to calibrate with and those to judge on; None if none are given.

    Parameters
    ----------
    wanted
        Folders and manifests.
    spec
        Spec of the model.
    known
        Images that the model lists; None if it lists none.

    Raises
    ------
    UsageError
        A path does not exist.
    DataError
        There are too few images, or none of them can be read.
    """
    given = [*wanted.calibration, *wanted.data]
    if not given:
        return None
    calibration = list_parity_images(wanted.calibration, spec.labels) if wanted.calibration else []
    if wanted.data:
        judged = list_parity_images(wanted.data, spec.labels)
        judged_patients = {image.patient for image in judged}
        calibration = [image for image in calibration if image.patient not in judged_patients]
    else:
        calibration, judged = divide(calibration, spec, known)
    if wanted.calibration and not calibration:
        raise DataError(
            "--calibration: expected images of other patients than those judged on, got none; "
            "give more images, or give the images to judge on with --data"
        )
    if not judged:
        raise DataError(
            "expected images to judge on, got none besides those to calibrate with; give --data"
        )
    used = _load(even_choice(judged, wanted.judged_images), spec)
    several = even_choice(calibration, 4 * wanted.calibration_images)
    if not several:
        return used, used  # nothing is calibrated
    return without(_load(several, spec), used.sha256), used


def _load(images: Sequence[LabelledImage], spec: ModelSpec) -> ImageSet:
    return load_images(images, spec.labels, spec.input, skip_unreadable=True)
