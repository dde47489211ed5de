"""A model's name or path, and the spec beside it."""

import json
from pathlib import Path

import pytest

from cxr_edge.errors import CxrError, ModelInvalid, SpecInvalid, SpecUnknown, UsageError
from cxr_edge.models.locate import default_package, model_path, package_spec, read_spec_file
from cxr_edge.spec.model_spec import ModelSpec


def test_default_is_the_embedded_package() -> None:
    """Any other reference is a path as it stands."""
    assert model_path("default") == default_package()
    assert (default_package() / "SHA256SUMS").is_file()
    assert model_path("some/model.onnx") == Path("some/model.onnx")


def test_a_package_has_its_spec() -> None:
    """The spec beside the artefacts is the one inside them."""
    path = default_package() / "spec.json"
    assert package_spec(default_package()) == read_spec_file(path)
    assert read_spec_file(path) == ModelSpec.from_json(path.read_bytes())


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("none.json", UsageError, r"--spec: none\.json cannot be read"),
        ("notes.txt", SpecInvalid, r"--spec: notes\.txt: .*expected JSON"),
        ("newer.json", SpecUnknown, r"--spec: newer\.json: .*got 99"),
    ],
)
def test_a_spec_file_that_is_none_says_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    error: type[CxrError],
    message: str,
) -> None:
    """A file that is missing is the user's, one that is damaged is the spec's; each is named."""
    (tmp_path / "notes.txt").write_text("notes")
    spec = json.loads((default_package() / "spec.json").read_text())
    (tmp_path / "newer.json").write_text(json.dumps(spec | {"spec_version": 99}))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        read_spec_file(Path(name))


def test_a_folder_without_a_spec_is_no_package(tmp_path: Path) -> None:
    """The message says what makes one."""
    with pytest.raises(ModelInvalid, match=r"spec\.json.*cxr export"):
        package_spec(tmp_path)
