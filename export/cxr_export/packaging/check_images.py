"""The images that the input check's statistics are made of, read and handed to the fit."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet, load_images
from cxr_edge.datasets.labelled_image import UNKNOWN, LabelledImage, patient_of
from cxr_edge.datasets.style_file import read_styles
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import DataError, UsageError
from cxr_edge.pipeline.discover import discover
from cxr_edge.runtimes.base import Runtime
from cxr_edge.runtimes.batches import run_in_batches
from cxr_edge.spec.input_statistics import InputStatistics
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.system.progress import stage
from cxr_edge.training.run_files import STYLES
from cxr_export.keras_models.ending import ENDING
from cxr_export.packaging.check_examples import ImagesOfKinds
from cxr_export.packaging.request import Request
from cxr_export.parity.images import list_parity_images

ELSEWHERE: Final = "frontal, elsewhere"
"""Kind of the frontal chest X-rays of other hospitals."""


def input_statistics(
    wanted: Request, original: Runtime, spec: ModelSpec, folder: Path, tell: Callable[[str], None]
) -> InputStatistics | None:
    """Return the statistics of a model's input check; None where none are asked for.

    Parameters
    ----------
    wanted
        Folders of images.
    original
        The model, asked for its features.
    spec
        Its spec.
    folder
        Folder of the model, where ``styles.csv`` may lie.
    tell
        Called with a line for each group of images that was judged.

    Raises
    ------
    UsageError
        The model gives no features.
    DataError
        Images cannot be read, or there are too few.
    """
    if not wanted.not_chest:
        return None
    with stage("loading scikit-learn"):
        from cxr_export.packaging.input_statistics import fit_statistics

    blank = np.zeros((1, *spec.input.shape), np.uint8)
    if original.run(blank).features is None:
        raise UsageError(
            f"--not-chest: expected a model with features, this one gives none; it needs a network "
            f"that ends in {ENDING}, and no --no-features"
        )

    def features(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = run_in_batches(original, pixels).features
        assert found is not None
        return found

    def load(option: str, listed: Sequence[LabelledImage]) -> ImageSet:
        try:
            return load_images(listed, spec.labels, spec.input, skip_unreadable=True)
        except DataError as exc:
            raise DataError(f"{option}: {exc}") from exc

    def of_kinds(option: str, folders: Sequence[Path], kind: str = "") -> ImagesOfKinds:
        files = [item.file for item in discover(folders)]
        kinds = {file: kind or file.absolute().parent.name for file in files}
        listed = [LabelledImage(file, UNKNOWN, patient_of(file.name)) for file in kinds]
        images = load(option, listed)
        named = tuple(kinds[image.path] for image in images.images)
        return ImagesOfKinds(images.pixels, named, images.patients)

    hospital = load("--calibration", list_parity_images(wanted.calibration, spec.labels))
    others = of_kinds("--not-chest", wanted.not_chest)
    more = wanted.more_chest
    elsewhere = of_kinds("--more-chest", more, ELSEWHERE) if more else None
    styles = _styles(folder / STYLES, hospital, tell)
    with stage("fitting the input check's statistics"):
        found = fit_statistics(hospital, styles, others, elsewhere, features)
    for group in found.groups:
        tell(f"input check, {group}")
    return found


def _styles(path: Path, images: ImageSet, tell: Callable[[str], None]) -> Styles | None:
    """Return the clusters of the training images, None where they are not known for each."""
    if not path.is_file():
        return None
    try:
        return read_styles(path, images)
    except DataError as exc:
        tell(f"the input check goes by class alone: {exc}")
        return None
