"""The wheel of this toolkit, packed from where it is installed."""

import subprocess
import sys
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from fakes import ROOT
from tiny_bundle import write_wheel

from cxr_edge.errors import BundleError
from cxr_export.packaging.bundle.own_wheel import pack_installed, source_tree

pytestmark = pytest.mark.slow


@pytest.fixture
def installed(tmp_path: Path) -> PathDistribution:
    """A small distribution, installed by pip with a command."""
    wheel = write_wheel(tmp_path, "some-tool", files={"some_tool/__init__.py": b"A = 1\n",
                                                      "some_tool/data.bin": bytes(9)})  # fmt: skip
    site = tmp_path / "site"
    words = ["install", "--quiet", "--no-index", "--no-deps", "--target", site, wheel]
    subprocess.run([sys.executable, "-m", "pip", *map(str, words)], check=True)
    return PathDistribution(site / "some_tool-2.0.dist-info")


def test_packed_again_it_has_the_same_files(installed: PathDistribution, tmp_path: Path) -> None:
    """What pip added is left out, and the same files give the same bytes."""
    packed = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        packed.append(pack_installed(installed, tmp_path / name))
    with zipfile.ZipFile(packed[0]) as archive:
        assert {name for name in archive.namelist() if "dist-info" not in name} == {
            "some_tool/__init__.py", "some_tool/data.bin",
        }  # fmt: skip
        assert {Path(name).name for name in archive.namelist() if "dist-info" in name} == {
            "METADATA", "WHEEL", "RECORD",
        }  # fmt: skip
    assert packed[0].name == "some_tool-2.0-py3-none-any.whl"
    assert packed[0].read_bytes() == packed[1].read_bytes()


def test_a_missing_file_is_told(installed: PathDistribution, tmp_path: Path) -> None:
    """Half an installation is not packed."""
    Path(str(installed.locate_file("some_tool/data.bin"))).unlink()
    with pytest.raises(BundleError, match=r"got none at .*data\.bin; install it again"):
        pack_installed(installed, tmp_path)


def test_a_source_tree_is_known_by_its_project() -> None:
    """These tests run in one."""
    assert source_tree() == ROOT
