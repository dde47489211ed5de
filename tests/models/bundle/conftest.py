"""A signed bundle of this machine, which tests copy to damage it."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from made_once import made_once
from tiny_bundle import make_tiny, use_index, write_index, write_keys


class Signed(NamedTuple):
    """A signed bundle, and the key to check it with."""

    bundle: Path
    key: Path


@pytest.fixture(scope="session")
def signed_once(tmp_path_factory: pytest.TempPathFactory, golden_package: Path) -> Path:
    """Folder of a signed bundle and its keys; not to be changed."""

    def make(folder: Path) -> None:
        folder.mkdir()
        index = tmp_path_factory.mktemp("index")
        write_index(index)
        private, _ = write_keys(folder, "site")
        with pytest.MonkeyPatch.context() as patch:
            use_index(patch, index)
            make_tiny(golden_package, folder / "bundle", key=private)
            make_tiny(golden_package, folder / "bundle.zip", key=private)

    return made_once(tmp_path_factory, "signed-bundle", make)


@pytest.fixture
def signed(signed_once: Path, tmp_path: Path) -> Signed:
    """A copy that may be damaged."""
    copy = shutil.copytree(signed_once, tmp_path / "stick")
    return Signed(copy / "bundle", copy / "site.pub")
