"""The list of the images that a model was trained on, in a package."""

from pathlib import Path

import pytest

from cxr_edge.datasets.training_images import TrainingImages
from cxr_edge.errors import CxrError
from cxr_edge.models.checksums import write_checksums
from cxr_edge.models.package import CHECKSUMS, TRAINING_IMAGES

LIST = TrainingImages("data", frozenset({"0123456789abcdef"}), frozenset())


def test_a_list_beside_a_model_is_read(tmp_path: Path) -> None:
    """In a run's folder there are no checksums; a package lists its own, or was given one later."""
    assert TrainingImages.read(tmp_path, "data") is None
    LIST.write(tmp_path)
    assert TrainingImages.read(tmp_path, "data") == LIST
    write_checksums(tmp_path)
    assert TrainingImages.read(tmp_path, "data") == LIST
    (tmp_path / CHECKSUMS).write_text("")
    assert TrainingImages.read(tmp_path, "data") == LIST


def test_a_list_that_was_exchanged_or_removed_is_told(tmp_path: Path) -> None:
    """No image must pass for new because the package's list is not its own any more."""
    LIST.write(tmp_path)
    write_checksums(tmp_path)
    TrainingImages("data", frozenset(), frozenset()).write(tmp_path)
    with pytest.raises(CxrError, match=f"not those listed in {CHECKSUMS}"):
        TrainingImages.read(tmp_path, "data")
    (tmp_path / TRAINING_IMAGES).unlink()
    with pytest.raises(CxrError, match="copy the folder again"):
        TrainingImages.read(tmp_path, "data")
