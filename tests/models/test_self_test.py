"""The self-test of a package: what drifts is told, what passed is remembered."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import SAMPLES, FakeRuntime, runtimes
from numpy.typing import NDArray

from cxr_edge.errors import Corrupt, ModelInvalid, RuntimeUnavailable, SelfTestFailed
from cxr_edge.imaging.image import GrayImage
from cxr_edge.models import machine_cache as remember
from cxr_edge.models import self_test as selftest
from cxr_edge.models import self_test_runs as runs
from cxr_edge.models.checksums import write_checksums
from cxr_edge.models.golden_set import GoldenArtefact, read_golden_set
from cxr_edge.models.model import Model
from cxr_edge.models.open import open_artefact
from cxr_edge.models.package import SELFTEST
from cxr_edge.models.self_test import require, self_test
from cxr_edge.models.self_test_runs import check_once, self_test_all
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.runtimes.base import Outputs, Scores

pytestmark = pytest.mark.slow

IMAGE = SAMPLES / "phantom-normal.jpg"


def rewrite(package: Path, **changes: object) -> None:
    """Change a package's golden set and list the new checksum."""
    golden = read_golden_set(package)
    assert golden
    (package / SELFTEST).write_bytes(replace(golden, **changes).to_bytes())
    write_checksums(package)


def drifted(package: Path, by: float, artefacts: tuple[str, ...] = ("model.onnx",)) -> None:
    """Make a package that gave other probabilities where it was made."""
    golden = read_golden_set(package)
    assert golden
    found = dict(golden.artefacts)
    for name in artefacts:
        there = tuple(p - by for p in found[name].probabilities)
        found[name] = GoldenArtefact(there, found[name].tolerance)
    rewrite(package, artefacts=found)


@pytest.mark.parametrize("name", runtimes())
def test_where_the_package_was_made_nothing_drifts(golden_package: Path, name: str) -> None:
    """The same pixels, and the same probabilities but for the last bits."""
    result = self_test(golden_package, open_artefact(str(golden_package), name))
    require([result])
    assert result.passed
    assert result.gray_levels == 0
    assert result.difference < 1e-5
    assert len(result.images) == 6


def shifted(monkeypatch: pytest.MonkeyPatch, by: Callable[[str], int], share: float = 1.0) -> None:
    """Make decode and resize give other gray levels by format, in a share of the pixels."""
    real = selftest.preprocess

    def resize(decoded: GrayImage, spec: Any) -> NDArray[np.uint8]:
        pixels = real(decoded, spec)
        levels = by(decoded.source.format)
        moved = np.where(pixels < 128, pixels + levels, pixels - levels)
        chosen = np.random.default_rng(0).random(pixels.shape) < share
        return np.where(chosen, moved, pixels).astype(np.uint8)

    monkeypatch.setattr(selftest, "preprocess", resize)


def test_a_drifting_jpeg_decoder_is_told(
    golden_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many gray levels are told; the message blames decode or resize, not the model."""
    shifted(monkeypatch, lambda kind: 6 if kind == "jpeg" else 0)
    result = self_test(golden_package, open_artefact(str(golden_package), "onnx"))
    drifted = {test.image.name for test in result.images if test.pixel_drift}
    assert drifted == {"color.jpg", "large.jpg"}
    expected = r"large\.jpg: decode or resize differ by up to 6 gray levels and 6\.00 .*allowed: 5 "
    with pytest.raises(SelfTestFailed, match=expected) as caught:
        require([result])
    assert "expected probability" not in str(caught.value)
    assert caught.value.exit_code == 4


def test_decoders_may_differ_a_little(
    golden_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few pixels by a few gray levels, JPEG by one more: CPUs enlarge and decode a bit differently.

    One more level in few pixels, or one level in all of them, is something else.
    """
    model = open_artefact(str(golden_package), "onnx")
    with monkeypatch.context() as patch:
        shifted(patch, lambda kind: 5 if kind == "jpeg" else 4, 0.05)
        require([self_test(golden_package, model)])
    with monkeypatch.context() as patch:
        shifted(patch, lambda kind: 5, 0.05)
        with pytest.raises(SelfTestFailed, match=r"deep\.png: .* up to 5 .*allowed: 4") as caught:
            require([self_test(golden_package, model)])
        assert "jpg" not in str(caught.value)
    shifted(monkeypatch, lambda kind: 1)
    with pytest.raises(
        SelfTestFailed, match=r"large\.jpg: .* 1\.00 on average \(allowed: 5 and 0\.5"
    ):
        require([self_test(golden_package, model)])


def test_a_image_that_is_not_decoded_is_told(
    golden_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build without a decoder fails the self-test with the decoder's own words."""

    def refuse(*_: object) -> GrayImage:
        raise Corrupt("the file cannot be decoded")

    monkeypatch.setattr(selftest, "decode", refuse)
    result = self_test(golden_package, open_artefact(str(golden_package), "onnx"))
    with pytest.raises(
        SelfTestFailed, match=r"film\.tiff cannot be decoded on this machine: the file"
    ):
        require([result])


class Wrong:
    """A runtime whose probabilities are another one's, changed."""

    provider = "WrongProvider"
    why = "there is no other"

    def __init__(self, model: Model, change: Callable[[Scores], Scores]) -> None:
        self.spec = model.spec
        self._inner, self._change = model.runtime, change

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        return Outputs(self._change(self._inner.run(pixels).scores))


@pytest.mark.parametrize(
    "change", [lambda p: p + np.float32(2e-4), lambda p: p * np.float32("nan")]
)
def test_a_drifting_model_is_told(golden_package: Path, change: Callable[[Scores], Scores]) -> None:
    """Both probabilities stand in the message, and decode is not blamed; NaN is drift too."""
    model = open_artefact(str(golden_package), "onnx")
    result = self_test(golden_package, replace(model, runtime=Wrong(model, change)))
    expected = r"small\.png: expected probability 0\.\d+, got \S+ \(allowed .*0001\)"
    with pytest.raises(SelfTestFailed, match=expected) as caught:
        require([result])
    assert "decode" not in str(caught.value).partition("Install")[0]


def test_a_model_that_gives_too_few_is_told(golden_package: Path) -> None:
    """One probability per image, or there is nothing to compare."""
    model = open_artefact(str(golden_package), "onnx")
    few = replace(model, runtime=Wrong(model, lambda p: p[:-1]))
    with pytest.raises(ModelInvalid, match=r"expected 6 probabilities .* got 5"):
        self_test(golden_package, few)


def test_a_set_that_lacks_the_artefact_is_told(tested: Path) -> None:
    """An artefact that was added later cannot be tested by this set."""
    golden = read_golden_set(tested)
    assert golden
    rewrite(tested, artefacts={"model.tflite": golden.artefacts["model.tflite"]})
    with pytest.raises(ModelInvalid, match=r"probabilities of model\.onnx, got .*tflite"):
        self_test(tested, open_artefact(str(tested), "onnx"))


@pytest.mark.usefixtures("forgetful")
def test_what_passed_is_remembered(golden_package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second start does not run it again; another runtime is tested for itself."""
    model = open_artefact(str(golden_package), "onnx")
    assert check_once(model) == "passed"
    with monkeypatch.context() as patch:
        patch.setattr(selftest, "self_test", None)
        assert check_once(model) == "passed before"
    assert check_once(open_artefact(str(golden_package), "litert")) == "passed"


@pytest.mark.usefixtures("forgetful")
def test_a_record_never_lets_another_package_pass(tested: Path) -> None:
    """One that drifts is refused at every start, though it was fine before it was changed."""
    assert check_once(open_artefact(str(tested), "onnx")) == "passed"
    drifted(tested, 0.01)
    for _ in range(2):
        with pytest.raises(SelfTestFailed, match="expected probability"):
            check_once(open_artefact(str(tested), "onnx"))


@pytest.mark.usefixtures("forgetful")
def test_a_record_never_lets_another_spec_pass(tested: Path) -> None:
    """Golden images of one input say nothing where --spec gives the same model another one."""
    model = open_artefact(str(tested), "onnx")
    assert check_once(model) == "passed"
    other = replace(model.spec, input=replace(model.spec.input, channels=3))
    runtime = FakeRuntime(other)
    runtime.provider = model.runtime.provider
    with pytest.raises(ModelInvalid, match="expected images of 128x128x3 uint8"):
        check_once(replace(model, runtime=runtime))


@pytest.mark.usefixtures("forgetful")
def test_another_library_is_tested_again(
    golden_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade of OpenCV voids what passed under the version before."""
    model = open_artefact(str(golden_package), "onnx")
    assert check_once(model) == "passed"
    now = remember._circumstances()
    monkeypatch.setattr(remember, "_circumstances", lambda: {**now, "cv2": "opencv-9"})
    assert check_once(model) == "passed"


@pytest.mark.usefixtures("forgetful")
def test_a_failure_takes_the_record_away(
    golden_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that cxr verify finds wrong today is not believed to have passed before."""
    model = open_artefact(str(golden_package), "onnx")
    assert check_once(model) == "passed"
    with monkeypatch.context() as patch:
        shifted(patch, lambda kind: 9)
        assert not any(result.passed for result in self_test_all(golden_package)[0])
    assert check_once(model) == "passed"


def test_without_a_cache_it_runs_each_time(
    golden_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only system is no error."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    model = open_artefact(str(golden_package), "onnx")
    assert [check_once(model), check_once(model)] == ["passed", "passed"]


def test_packages_without_a_set_are_scanned(tested: Path, tmp_path: Path) -> None:
    """Those of older versions, and single files, say that there was nothing to test."""
    single = tmp_path / "single.onnx"
    single.write_bytes((tested / "model.onnx").read_bytes())
    assert check_once(open_artefact(str(single))) == "none: a single file"
    assert check_once(open_artefact(str(tested / "model.onnx"))).startswith("passed")
    (tested / SELFTEST).unlink()
    write_checksums(tested)
    assert check_once(open_artefact(str(tested))) == "none: the package has none"
    with pytest.raises(ModelInvalid, match=r"has no selftest\.zip; export"):
        self_test(tested, open_artefact(str(tested)))


def scanned(out: Path) -> dict[str, Any]:
    return dict(json.loads(manifest_path(out).read_text()))


def test_a_scan_refuses_to_score_what_drifted(
    cxr: Callable[..., Any], tested: Path, tmp_path: Path
) -> None:
    """Exit code 4, no report; --no-self-test scans, and the manifest says so."""
    drifted(tested, 0.01, ("model.onnx", "model.tflite"))
    out = tmp_path / "r.csv"
    result = cxr("scan", IMAGE, "--model", tested, "--out", out)
    assert result.exit_code == 4
    assert "color.jpg: expected probability" in result.output
    assert not out.exists()
    assert cxr("scan", IMAGE, "--model", tested, "--out", out, "--no-self-test").exit_code == 0
    assert scanned(out)["self_test"] == "skipped"


@pytest.mark.usefixtures("forgetful")
def test_the_manifest_says_when_it_passed(
    cxr: Callable[..., Any], golden_package: Path, tmp_path: Path
) -> None:
    """At the first scan, and before at the second."""
    for expected in ("passed", "passed before"):
        out = tmp_path / f"{expected}.csv"
        words = ("--model", golden_package, "--runtime", "onnx", "--out", out)
        assert cxr("scan", IMAGE, *words).exit_code == 0
        assert scanned(out)["self_test"] == expected


def test_a_damaged_set_stops_a_scan(cxr: Callable[..., Any], tested: Path, tmp_path: Path) -> None:
    """It cannot be told whether this machine is right, so nothing is scored."""
    (tested / SELFTEST).write_bytes(b"no zip")
    write_checksums(tested)
    result = cxr("scan", IMAGE, "--model", tested, "--out", tmp_path / "r.csv")
    assert result.exit_code == 1
    assert "got a damaged file" in result.output


def test_verify_shows_every_artefact(
    cxr: Callable[..., Any], tested: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One row each; the one that drifted says FAILED, the other still passes; exit code 4."""
    monkeypatch.setattr(runs, "installed", lambda name: name != "openvino")
    result = cxr("verify", tested, "--self-test")
    assert result.exit_code == 0, result.output
    assert result.output.count("passed") == 2
    drifted(tested, 0.01)
    result = cxr("verify", tested, "--self-test")
    assert result.exit_code == 4
    rows = [line.split() for line in result.output.splitlines()]
    assert [row[-1] for row in rows if row[0].startswith("model.")] == ["FAILED", "passed"]
    assert "1.0e-02" in result.output
    assert cxr("verify", tested, "--self-test", "--runtime", "litert").exit_code == 0


def test_verify_takes_the_embedded_model_by_its_name(
    cxr: Callable[..., Any],
    golden_package: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a device nobody knows the folder that pip made; a folder of that name comes first."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cxr_edge.models.locate.default_package", lambda: golden_package)
    assert cxr("verify", "default", "--self-test").exit_code == 0
    (tmp_path / "default").mkdir()
    assert cxr("verify", "default", "--self-test").exit_code == 1


def test_verify_says_what_it_lacks(cxr: Callable[..., Any], tested: Path) -> None:
    """Neither images nor --self-test, an unknown runtime, a package without golden images."""
    assert cxr("verify", tested).exit_code == 2
    assert cxr("verify", tested, "--self-test", "--runtime", "tpu").exit_code == 2
    (tested / SELFTEST).unlink()
    write_checksums(tested)
    result = cxr("verify", tested, "--self-test")
    assert result.exit_code == 1
    assert "export the package again" in result.output


def test_nothing_that_can_run_is_an_error(
    golden_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test of nothing has not passed; the message says what to install."""
    monkeypatch.setattr(runs, "installed", lambda name: False)
    with pytest.raises(RuntimeUnavailable, match="pip install onnxruntime"):
        self_test_all(golden_package)


@pytest.mark.parametrize(
    ("absent", "present"), [("ai_edge_litert", "onnx"), ("onnxruntime", "litert")]
)
def test_one_runtime_is_enough(
    golden_package: Path, tmp_path: Path, absent: str, present: str
) -> None:
    """Scan and self-test work with either library alone, and without TensorFlow."""
    missing = {"onnxruntime": "model.onnx", "ai_edge_litert": "model.tflite"}[absent]
    heavy = ("openvino", "tensorflow", "keras", "onnx", "tf2onnx", "h5py")
    script = (
        "import sys\n"
        f"for name in {(absent, *heavy)}:\n"
        "    sys.modules[name] = None\n"
        "from cxr_edge.cli.app import app\n"
        "app(sys.argv[1:])\n"
    )

    def run(*words: object) -> str:
        done = subprocess.run(
            [sys.executable, "-c", script, *map(str, words)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    for runtime in ("auto", present):
        out = tmp_path / f"{runtime}.csv"
        run("scan", IMAGE, "--model", golden_package, "--runtime", runtime, "--out", out)
        data = scanned(out)
        assert data["identity"]["runtime"] == present
        assert data["self_test"] in ("passed", "passed before")
        why = "only runtime installed" if runtime == "auto" else "asked for"
        assert data["runtime_why"] == why
    rows = [line.split() for line in run("verify", golden_package, "--self-test").splitlines()]
    assert [row[-2:] for row in rows if row[0] == missing] == [["not", "installed"]]
    assert [row[-1] for row in rows if row[1] == present] == ["passed"]
