"""The fit of the input check's statistics, on drawn images with features that tell little."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import DataError
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.pipeline.statistics_check import StatisticsCheck
from cxr_export.packaging.check_examples import ImagesOfKinds
from cxr_export.packaging.input_statistics import fit_statistics

SIDE, COUNT = 32, 120
FACTS = SourceFacts(SIDE, SIDE, "png")


def chest(number: int) -> NDArray[np.uint8]:
    """Draw two dark fields over a bright base: upside down, inverted and sideways differ."""
    rng = np.random.default_rng(number)
    image = np.full((SIDE, SIDE), 150, np.uint8)
    for x in (9, 22):
        cv2.ellipse(image, (x, 13), (5, 9), 0, 0, 360, 40, -1)
    image[25:] = 230
    noisy = image + rng.normal(0, 8, image.shape) + rng.normal(0, 10)
    return np.clip(noisy, 0, 255).astype(np.uint8)[..., np.newaxis]


def stripes(number: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(number)
    wave = 127 + 120 * np.sin(np.arange(SIDE) * rng.uniform(0.5, 2) + rng.uniform(0, 6))
    rows = np.repeat(wave[:, np.newaxis], SIDE, axis=1)
    return rows.astype(np.uint8)[..., np.newaxis]


def lateral(number: int) -> NDArray[np.uint8]:
    image = chest(number)
    image[:, :16] = 255 - image[:, :16] // 2
    return image


def features(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the means of the quarters of images, and their deviation."""
    quarters = pixels.reshape(len(pixels), 2, SIDE // 2, 2, SIDE // 2).mean(axis=(2, 4))
    spread = pixels.std(axis=(1, 2, 3))[:, np.newaxis]
    both = np.concatenate([quarters.reshape(len(pixels), -1), spread], axis=1)
    return (both / 255).astype(np.float32)


def hospital(count: int = COUNT) -> tuple[ImageSet, Styles]:
    listed = tuple(
        LabelledImage(Path(f"{number}.png"), number % 2, f"p{number}") for number in range(count)
    )
    pixels = np.stack([chest(number) for number in range(count)])
    images = ImageSet(("NORMAL", "SICK"), listed, pixels, tuple(map(str, range(count))))
    counter = np.arange(count) < 10
    return images, Styles(np.zeros(count, np.int64), np.array([0.5]), counter)


def others() -> ImagesOfKinds:
    drawn = [*(stripes(number) for number in range(40)), *(lateral(900 + n) for n in range(6))]
    kinds = ("stripes",) * 40 + ("lateral",) * 6
    return ImagesOfKinds(np.stack(drawn), kinds, tuple(f"o{number}" for number in range(46)))


@pytest.fixture(scope="module")
def check() -> StatisticsCheck:
    return StatisticsCheck(fit_statistics(*hospital(), others(), None, features))


def flags(check: StatisticsCheck, pixels: NDArray[np.uint8]) -> set[str]:
    return set(check.flags(pixels, FACTS, features(pixels[np.newaxis])[0]))


@pytest.mark.parametrize(
    ("make", "flag"),
    [
        (lambda: stripes(77), "not-a-chest-film"),
        (lambda: lateral(950), "lateral"),
        (lambda: 255 - chest(500), "inverted"),
        (lambda: np.rot90(chest(500), 1).copy(), "rotated"),
        (lambda: np.rot90(chest(500), 2).copy(), "rotated"),
        (lambda: np.rot90(chest(500), 3).copy(), "rotated"),
    ],
)
def test_an_image_of_another_kind_gets_its_flag(
    check: StatisticsCheck, make: "type", flag: str
) -> None:
    """Images that the fit did not see: turned and inverted ones were made of the chests alone."""
    assert flag in flags(check, make())


def test_chests_are_left_alone(check: StatisticsCheck) -> None:
    """Of 200 new ones, a few at most get a flag."""
    assert sum(bool(flags(check, chest(1000 + number))) for number in range(200)) <= 6


def test_the_groups_say_what_was_flagged_by_a_fit_without_them() -> None:
    """Class and appearance of the hospital's, and each kind of the others, counted once."""
    found = fit_statistics(*hospital(), others(), None, features)
    assert {group.name: group.images for group in found.groups} == {
        "NORMAL, counter-style": 5,
        "SICK, counter-style": 5,
        "NORMAL, easy": 55,
        "SICK, easy": 55,
        "stripes": 40,
        "lateral": 6,
    }
    flagged = {group.name: group.flagged / group.images for group in found.groups}
    assert flagged.pop("stripes") > 0.9
    assert flagged.pop("lateral") > 0.5
    assert max(flagged.values()) <= 0.02


def test_too_few_images_are_refused() -> None:
    """No threshold is set on a handful."""
    with pytest.raises(DataError, match="at least 64 images of 5 patients with --calibration"):
        fit_statistics(*hospital(30), others(), None, features)
