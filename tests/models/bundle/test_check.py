"""The check of a bundle: nothing changed, added or missing, and signed by the right key."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_bundle import write_keys

from cxr_edge.errors import BundleError, ExitCode, UsageError
from cxr_edge.models.bundle.archive import check_any_bundle
from cxr_edge.models.bundle.check import check_bundle, files_of, sums_of
from cxr_edge.models.bundle.layout import SIGNATURE, SUMS

pytestmark = pytest.mark.slow


def check(signed: Any) -> str:
    return check_bundle(signed.bundle, signed.key, unsigned=False)


def flip(path: Path, position: int) -> None:
    """Change one byte."""
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def test_a_bundle_as_it_was_made_passes(signed: Any) -> None:
    """And it is told how many files were checked, and whose signature it is."""
    said = check(signed)
    count = len(files_of(signed.bundle)) - 2
    assert said.startswith(f"all {count} files are as {SUMS} lists them; signed by key ")


def test_one_byte_changed_in_any_file_is_refused(signed: Any) -> None:
    """The message names the file, for every file of the bundle, list and signature too."""
    names = files_of(signed.bundle)
    assert {SUMS, SIGNATURE, "install.sh", "bundle.json", "model/model.onnx"} <= set(names)
    for name in names:
        path = signed.bundle / name
        whole = path.read_bytes()
        for position in (0, len(whole) // 2, len(whole) - 1):
            flip(path, position)
            with pytest.raises(BundleError) as raised:
                check(signed)
            assert name in str(raised.value)
            path.write_bytes(whole)
    check(signed)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda bundle: (bundle / "wheels" / "x.whl").write_bytes(b""), "wheels/x.whl was added"),
        (lambda bundle: (bundle / "bundle.json").unlink(), "bundle.json is missing"),
        (lambda bundle: (bundle / SUMS).unlink(), f"whose {SUMS} cannot be read"),
        (lambda bundle: (bundle / SUMS).write_bytes(b""), f"{SUMS} was changed"),
        (lambda bundle: (bundle / "more").symlink_to(bundle / "model"), "more was added"),
    ],
    ids=["added", "missing", "no list", "empty list", "link"],
)
def test_more_or_fewer_files_are_refused(
    signed: Any, damage: Callable[[Path], object], told: str
) -> None:
    """The message names the file and what is wrong with it."""
    damage(signed.bundle)
    with pytest.raises(BundleError, match=told):
        check(signed)


def test_a_link_in_place_of_a_file_is_refused(signed: Any) -> None:
    """Its target may change after the check."""
    place = signed.bundle / "bundle.json"
    place.rename(signed.bundle.parent / "elsewhere")
    place.symlink_to(signed.bundle.parent / "elsewhere")
    with pytest.raises(BundleError, match=r"bundle\.json was changed"):
        check(signed)


def test_another_key_is_refused(signed: Any, tmp_path: Path) -> None:
    """A signature says who made it, not only that somebody did."""
    _, other = write_keys(tmp_path, "other")
    with pytest.raises(BundleError, match="was signed by another key or changed; do not use it"):
        check_bundle(signed.bundle, other, unsigned=False)


def test_a_list_made_anew_for_changed_files_is_refused(signed: Any) -> None:
    """Whoever changes a file and the list cannot sign it."""
    (signed.bundle / "model" / "spec.json").write_text("{}")
    (signed.bundle / SUMS).write_bytes(sums_of(signed.bundle))
    with pytest.raises(BundleError, match=SIGNATURE):
        check(signed)


def test_the_user_says_which_of_the_two_is_expected(signed: Any) -> None:
    """A signed bundle needs a key, an unsigned one needs --unsigned; neither passes silently."""
    with pytest.raises(UsageError, match="got neither"):
        check_bundle(signed.bundle, None, unsigned=False)
    with pytest.raises(UsageError, match="got both"):
        check_bundle(signed.bundle, signed.key, unsigned=True)
    with pytest.raises(BundleError, match="got a signed one; check it with --key"):
        check_bundle(signed.bundle, None, unsigned=True)
    (signed.bundle / SIGNATURE).unlink()
    with pytest.raises(BundleError, match="expected a signed bundle"):
        check(signed)
    assert "not signed" in check_bundle(signed.bundle, None, unsigned=True)


def test_what_is_no_public_key_is_told(signed: Any) -> None:
    """The private key is easily taken for it."""
    for key in (signed.key.with_suffix(""), signed.bundle / "bundle.json"):
        with pytest.raises(UsageError, match="--key: expected a public Ed25519 key in PEM"):
            check_bundle(signed.bundle, key, unsigned=False)
    with pytest.raises(UsageError, match="cannot be read"):
        check_bundle(signed.bundle, signed.key / "none", unsigned=False)


def test_a_zip_is_checked_as_its_folder_is(signed: Any) -> None:
    """Every byte counts, those of its headers too."""
    path = signed.bundle.with_suffix(".zip")
    assert "signed by key" in check_any_bundle(path, signed.key, unsigned=False)
    whole = path.read_bytes()
    places = range(0, len(whole), len(whole) // 25)
    for position in (*places, 10, 14, len(whole) - 1, len(whole) - 30):
        flip(path, position)
        with pytest.raises(BundleError, match=str(signed.bundle.name)):
            check_any_bundle(path, signed.key, unsigned=False)
        path.write_bytes(whole)


def test_verify_takes_a_bundle(cxr: Callable[..., Any], signed: Any) -> None:
    """Folder and zip pass with exit code 0; a changed one is an error, not a failed gate."""
    for bundle in (signed.bundle, signed.bundle.with_suffix(".zip")):
        result = cxr("verify", bundle, "--key", signed.key)
        assert result.exit_code == ExitCode.DONE, result.output
        assert "signed by key" in result.output
    flip(signed.bundle / "model" / "model.onnx", 1000)
    result = cxr("verify", signed.bundle, "--key", signed.key)
    assert result.exit_code == ExitCode.ERROR
    assert "model/model.onnx was changed" in result.output


def test_options_of_packages_and_bundles_do_not_mix(cxr: Callable[..., Any], signed: Any) -> None:
    """An option that would do nothing is an error."""
    result = cxr("verify", signed.bundle, "--key", signed.key, "--self-test")
    assert result.exit_code == ExitCode.USAGE
    assert "its package is" in result.output
    result = cxr("verify", "default", "--unsigned")
    assert result.exit_code == ExitCode.USAGE
    assert "expected a bundle for --key and --unsigned" in result.output


def test_an_empty_folder_that_was_added_is_told(signed: Any) -> None:
    """It could have the name of a wheel."""
    (signed.bundle / "wheels" / "pip-0.whl").mkdir()
    with pytest.raises(BundleError, match=r"wheels/pip-0\.whl was added"):
        check(signed)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", [SUMS, SIGNATURE])
def test_a_pipe_in_place_of_the_list_holds_nobody_up(signed: Any, name: str) -> None:
    """Nothing but a regular file is read."""
    (signed.bundle / name).unlink()
    os.mkfifo(signed.bundle / name)
    with pytest.raises(BundleError, match="not a regular file"):
        check(signed)


def test_a_zip_whose_compressed_bytes_are_damaged_is_refused(signed: Any, tmp_path: Path) -> None:
    """With the message of a damaged zip."""
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b/a", bytes(range(256)) * 50)
    data = bytearray(path.read_bytes())
    data[40:90] = b"\xff" * 50
    path.write_bytes(data)
    with pytest.raises(BundleError, match="got a damaged zip"):
        check_any_bundle(path, signed.key, unsigned=False)
