"""Extras: the command that installs one, by where cxr-edge itself was installed from."""

import json
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from fakes import ROOT

from cxr_edge.errors import MissingExtra
from cxr_edge.extras import EXTRAS, install_command, needs_extra

WHEEL = "cxr_edge-0.1.0-py3-none-any.whl"


@pytest.fixture
def installed_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that lets the distribution have this ``direct_url.json``."""

    def install(recorded: str | None) -> None:
        info = tmp_path / "cxr_edge-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.4\nName: cxr-edge\nVersion: 0.1.0\n")
        if recorded is not None:
            (info / "direct_url.json").write_text(recorded)
        monkeypatch.setattr(metadata, "distribution", lambda _: metadata.PathDistribution(info))

    return install


@pytest.mark.parametrize(
    ("recorded", "command"),
    [
        (None, "pip install 'cxr-edge[train]'"),
        ({"url": "file:///src/cxr", "dir_info": {}}, "pip install '/src/cxr[train]'"),
        ({"url": "file:///a%20b/cxr", "dir_info": {}}, "pip install '/a b/cxr[train]'"),
        ({"url": "file:///it's/cxr", "dir_info": {}}, """pip install '/it'"'"'s/cxr[train]'"""),
        (
            {"url": "file:///src/cxr", "dir_info": {"editable": True}},
            "pip install --editable '/src/cxr[train]'",
        ),
        (
            {"url": f"file:///mnt/{WHEEL}", "archive_info": {"hash": "sha256=00"}},
            f"pip install '/mnt/{WHEEL}[train]'",
        ),
        (
            {"url": f"https://host/{WHEEL}", "archive_info": {}},
            f"pip install 'cxr-edge[train] @ https://host/{WHEEL}'",
        ),
        (
            {"url": "https://host/cxr.git", "vcs_info": {"vcs": "git", "commit_id": "ab12"}},
            "pip install 'cxr-edge[train] @ git+https://host/cxr.git@ab12'",
        ),
        ([], "pip install 'cxr-edge[train]'"),
        ({"url": "file:///src/cxr", "dir_info": None}, "pip install '/src/cxr[train]'"),
    ],
    ids=["index", "folder", "spaces", "quote", "editable", "wheel", "address", "git",
         "no object", "no folder"],
)  # fmt: skip
def test_the_command_names_the_origin(installed_from: Any, recorded: Any, command: str) -> None:
    """An index, a folder, an editable folder, a wheel, an address or a repository, as recorded."""
    installed_from(None if recorded is None else json.dumps(recorded))
    assert install_command("train") == command


def test_a_damaged_record_is_no_error(installed_from: Any) -> None:
    """The name alone is what is left to say."""
    installed_from("{")
    assert install_command("train") == "pip install 'cxr-edge[train]'"


def test_no_distribution_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Source that lies on the path without being installed."""

    def missing(_: str) -> None:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "distribution", missing)
    assert install_command("train") == "pip install 'cxr-edge[train]'"


def test_every_extra_of_the_distribution_is_known() -> None:
    """All but those of developers, under the same names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["optional-dependencies"]) - {"dev", "docs"} == set(EXTRAS)


def test_a_missing_module_of_an_extra_is_an_error_with_the_command() -> None:
    """The message names purpose, extra, module and command."""
    with (
        pytest.raises(MissingExtra) as raised,
        needs_extra("cxr train", "train"),
    ):
        raise ModuleNotFoundError("No module named 'keras.layers'", name="keras.layers")
    assert str(raised.value) == (
        f"cxr train needs the extra 'train' (keras is not installed): {install_command('train')}"
    )


def test_a_missing_module_of_our_own_is_not_blamed_on_an_extra() -> None:
    """A missing module that no extra brings is raised as it is: it is a fault of the program."""
    with pytest.raises(ModuleNotFoundError), needs_extra("cxr train", "train"):
        raise ModuleNotFoundError("No module named 'cxr_edge.gone'", name="cxr_edge.gone")


def test_extras_are_known_without_any_library() -> None:
    """The module loads nothing but the standard library."""
    script = (
        "import sys; import cxr_edge.extras\n"
        "print({'numpy', 'typer', 'rich', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
