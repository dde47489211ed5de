"""Addresses, given to every path of every command: most are of this machine, and say so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from cxr_edge.cli.app import app
from cxr_edge.cli.existing import named
from cxr_edge.cli.local_path import LocalPath
from cxr_edge.errors import ExitCode, UsageError
from cxr_edge.storage.place import address_in, storage_of

COMMANDS: dict[str, Any] = dict(typer.main.get_command(app).commands)

ELSEWHERE = {
    "scan PATH", "scan --shards", "scan --dicomweb", "convert SRC", "doctor DIR", "merge SOURCE",
    "report --images", "sr --images",
}  # fmt: skip
"""Paths that may be on another machine."""

NO_PATHS = {"KEYWORD=VALUE", "NAME", "top:N|none", "IMAGES", "N|N%", "HOST:PORT", "ADDRESS",
            "TITLE", "TITLE[@ADDRESS]", "TITLE@HOST:PORT", "NAMES", "VERSION"}  # fmt: skip
"""Words of the help for text that is no path."""

LOCAL = {
    f"{name} {named(parameter)}": (name, parameter)
    for name, command in COMMANDS.items()
    for parameter in command.params
    if isinstance(parameter.type, LocalPath)
}
"""All other paths, by command and name."""


def test_every_text_of_a_command_is_a_path_of_a_known_kind_or_none() -> None:
    """A new option that names a place is added to one kind, or is of this machine by its type."""
    places = {
        f"{name} {named(parameter)}"
        for name, command in COMMANDS.items()
        for parameter in command.params
        if parameter.type.name in ("path", "str") and parameter.metavar not in NO_PATHS
    }
    assert places - LOCAL.keys() == {*ELSEWHERE, "train --name", "train --data-note"}
    assert len(LOCAL) > 70


@pytest.mark.parametrize("name", LOCAL)
def test_an_address_is_refused(
    cxr: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Before anything is done, in words that repeat it as it was given; nothing is written."""
    monkeypatch.chdir(tmp_path)
    Path("here").mkdir()
    command, it = LOCAL[name]
    for address in ("s3://bucket/x", "gs://bucket/x", "https://host/x.csv", "s3:/bucket/x"):
        words = [command]
        if it.param_type_name == "option":
            words.append(f"{it.opts[0]}={address}")
        arguments = [each for each in COMMANDS[command].params if each.param_type_name != "option"]
        words += ["--", *(address if each is it else "here" for each in arguments)]
        result = cxr(*words)
        assert result.exit_code == ExitCode.USAGE, result.output
        told = f"{named(it)}: expected a path of this machine, got {address}; "
        assert told in result.output
    assert list(tmp_path.rglob("*")) == [tmp_path / "here"]


def test_the_report_of_a_scan_goes_into_a_bucket_as_shards(cxr: Callable[..., Any]) -> None:
    """The option that takes the address is named."""
    told = cxr("scan", ".", "-o", "s3://bucket/report.csv").output
    assert "--shards s3://BUCKET/FOLDER" in told
    assert "--shards" not in cxr("merge", "shards", "-o", "s3://bucket/report.csv").output


def test_a_path_of_this_machine_may_be_written_as_its_address(
    cxr: Callable[..., Any], tmp_path: Path
) -> None:
    """Two slashes and a path with one at its start."""
    result = cxr("evaluate", f"file://{tmp_path}/nothing")
    assert f"DATA: {tmp_path}/nothing does not exist" in result.output


@pytest.mark.parametrize(
    ("path", "how"),
    [("S3://films/a", "write s3:// in small letters"), ("HTTPS://pacs/x", "write https://"),
     ("s3:/films/a", "two slashes; write s3://"), ("Gs:/films/a", "two slashes; write gs://")],
)  # fmt: skip
def test_a_misspelt_address_is_told_apart_from_a_path(path: str, how: str) -> None:
    """Both are refused where an address is taken, with the right spelling."""
    with pytest.raises(UsageError, match=how):
        storage_of(path)


def test_a_folder_with_the_name_of_a_scheme_is_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier version made such folders."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s3:" / "films").mkdir(parents=True)
    assert not address_in("s3:/films")
    assert storage_of("s3:/films").is_local


@pytest.mark.parametrize("address", ["s3://key:hush@films/a", "az://a/b?sig=hush"])
def test_credentials_of_an_address_are_not_repeated(cxr: Callable[..., Any], address: str) -> None:
    """The scheme alone is shown."""
    output = cxr("evaluate", address).output
    assert "got s3://...;" in output or "got az://...;" in output
    assert "hush" not in output


def test_the_web_address_of_a_bucket_is_no_path(cxr: Callable[..., Any]) -> None:
    """The message has both forms: that of a bucket, and that of a DICOMweb server."""
    told = cxr("scan", "https://hosp.s3.amazonaws.com/films").output
    assert "s3://BUCKET/FOLDER" in told
    assert "--dicomweb URL --query" in told
