"""Images of a benchmark: those of a folder that can be read, as links."""

from pathlib import Path
from typing import Final

from cxr_edge.errors import UsageError
from cxr_edge.pipeline.discover import discover
from cxr_edge.pipeline.prepare import Pixels, prepare
from cxr_edge.spec.input_spec import InputSpec

_ANY_INPUT: Final = InputSpec(224, 224)
"""Input of some model: whether an image can be decoded does not depend on the model."""


def link_images(source: Path, count: int, folder: Path) -> int:
    """Fill a folder with links to the first readable images, repeated if there are fewer.

    Parameters
    ----------
    source
        Folder of images.
    count
        Number of links.
    folder
        Empty folder that takes the links.

    Returns
    -------
    int
        Number of different images.

    Raises
    ------
    UsageError
        No file can be read as an image.
    """
    images: list[Path] = []
    for item in discover([source]):
        if isinstance(prepare(item.file, _ANY_INPUT).content, Pixels):
            images.append(item.file)
        if len(images) == count:
            break
    if not images:
        raise UsageError(
            f"expected at least one image that can be read in {source}, got none; "
            f"'cxr doctor {source}' says what is in it"
        )
    digits = len(str(count))
    for number in range(count):
        image = images[number % len(images)]
        (folder / f"{number:0{digits}}{image.suffix}").symlink_to(image)
    return len(images)
