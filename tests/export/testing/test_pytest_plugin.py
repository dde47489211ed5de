"""The pytest plugin, in runs of pytest of their own."""

import os
import shutil
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from fakes import ROOT, SAMPLES
from onnx import TensorProto, helper, numpy_helper

import cxr_export.testing.assertion  # noqa: F401  # pytester would load TensorFlow again
from cxr_edge.spec.embedding import SPEC_KEY
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint

pytestmark = pytest.mark.slow

SPEC = ModelSpec(
    "gray", ("NORMAL", "PNEUMONIA"), InputSpec(8, 8), (OperatingPoint("study", 0.3),), "study"
)
MODULE = "cxr_export.testing.pytest_plugin"
HEAVY = {"tensorflow", "keras", "numpy", "cv2", "onnx", "onnxruntime", "typer", "cxr_edge"}


def gray_model(path: Path, factor: float = 1.0) -> None:
    """Write a model whose probability is the mean gray value, times a factor."""
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["floats"], ["gray"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Mul", ["gray", "scale"], ["probability"]),
        ],
        "gray",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 8, 8, 1])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch"])],
        [numpy_helper.from_array(np.float32(factor / 255), "scale")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {SPEC_KEY: SPEC.to_json()})
    onnx.save(model, path)


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with two models that agree, one that changes a label, a bad one, and images."""
    (pytester.path / "models").mkdir()
    for name, factor in (("a", 1.0), ("b", 1.0), ("near", 0.5431), ("bad", 0.45)):
        gray_model(pytester.path / "models" / f"{name}.onnx", factor)
    (pytester.path / "images").symlink_to(SAMPLES)
    pytester.makeini("[pytest]\naddopts = --strict-markers --strict-config\n")
    return pytester


def run(project: pytest.Pytester, *words: str | Path) -> pytest.RunResult:
    """Run pytest in this process with the plugin."""
    return project.runpytest_inprocess("-p", MODULE, *words)


def test_what_agrees_passes_and_stands_in_the_table(project: pytest.Pytester) -> None:
    """The fixture takes what assert_parity takes and gives what it gives."""
    project.makepyfile(
        """
        def test_models(parity):
            found = parity("models/a.onnx", "models/b.onnx", "images", gate="fp32")
            assert found.candidates[0].comparison.max_difference == 0
        """
    )
    result = run(project)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([
        "*= parity =*",
        "candidate  reference  images  max |Δp|  flips  verdict",
        "b.onnx *a.onnx *7 of 9 *0.0e+00 *0 *passed",
    ])  # fmt: skip


def test_a_test_that_compares_nothing_fails(project: pytest.Pytester) -> None:
    """Taking the fixture is no comparison; a test that is skipped before is a skip."""
    project.makepyfile(
        """
        import pytest

        def test_nothing(parity):
            pass

        def test_skipped(parity):
            pytest.skip("no images here")
        """
    )
    result = run(project)
    result.assert_outcomes(failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*expected a call of the fixture, nothing was compared*"])


def test_what_differs_fails_with_every_number(project: pytest.Pytester) -> None:
    """The report shows the caller's line and all mismatches, not the library's code."""
    project.makepyfile(
        """
        import pytest

        @pytest.mark.parity("models/a.onnx", "models/bad.onnx", "images")
        def test_models(parity):
            parity()
        """
    )
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        ">       parity()",
        "E       *.ParityAssertionError: expected the decisions of a.onnx on 7*",
        "E         bad.onnx: |Δp| 3.*e-01 on *phantom-*, allowed 0.0001",
        "E         bad.onnx: 7 of 7 labels differ at study, allowed 0.0%",
        "E       correct its spec, export it again, or allow more with gate=",
        "*= parity =*",
        "bad.onnx *a.onnx *7 of 9 *3.*e-01 *7 *FAILED",
    ])  # fmt: skip
    assert "__tracebackhide__" not in result.stdout.str()


def test_what_the_images_cannot_tell_warns(project: pytest.Pytester) -> None:
    """One label of 7 against a limit of 0.5 %: a warning with the images needed, no failure."""
    project.makepyfile(
        """
        def test_models(parity):
            found = parity("models/a.onnx", "models/near.onnx", "images", gate="int8")
            assert not found.passed
        """
    )
    result = run(project, "-W", "default")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["near.onnx *a.onnx *7 of 9 *1 *inconclusive"])
    result.stdout.fnmatch_lines([
        "*ParityWarning: inconclusive: near.onnx: 1 of 7 labels differ at study, allowed 0.5%; *",
    ])  # fmt: skip
    result.stdout.fnmatch_lines(["*interval 0.36% to 57.87%; about * images like these would tell"])
    run(project, "-W", "error::cxr_export.testing.ParityWarning").assert_outcomes(failed=1)


def test_markers_add_up_and_the_call_wins(project: pytest.Pytester) -> None:
    """The module gives the reference, the test its candidate, the call what is left."""
    project.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.parity(
            reference="models/a.onnx", candidate="models/bad.onnx", data="images"
        )

        @pytest.mark.parity(candidate="models/b.onnx")
        def test_nearest(parity):
            assert parity().candidates[0].candidate == "b.onnx"

        @pytest.mark.parity(difference=1, flips=1)
        def test_limits(parity):
            assert parity().candidates[0].candidate == "bad.onnx"
            assert parity(candidate="models/b.onnx").candidates[0].candidate == "b.onnx"
        """
    )
    run(project, "-v").assert_outcomes(passed=2)


TWO = """
import pytest

@pytest.mark.parity(reference="models/a.onnx", candidate="models/b.onnx")
def test_models(parity):
    found = parity()
    assert len(found.images.images) == {images}
"""


@pytest.mark.parametrize("start", [".", "tests"])
def test_paths_start_at_the_root(project: pytest.Pytester, start: str) -> None:
    """Wherever pytest is started; images come from the configuration."""
    project.makeini("[pytest]\nparity_data = images/phantom-normal.jpg\n    images/text.png\n")
    project.mkdir("tests").joinpath("test_it.py").write_text(TWO.format(images=1))
    os.chdir(project.path / start)
    run(project).assert_outcomes(passed=1)


def test_the_command_line_says_which_images(project: pytest.Pytester) -> None:
    """Its paths start where it is typed, and go before those of the configuration."""
    project.makeini("[pytest]\nparity_data = nowhere\n")
    project.mkdir("tests").joinpath("test_it.py").write_text(TWO.format(images=2))
    for name in ("normal", "opacities"):
        shutil.copy(SAMPLES / f"phantom-{name}.jpg", project.path / "tests")
    os.chdir(project.path / "tests")
    data = [f"--parity-data=phantom-{name}.jpg" for name in ("normal", "opacities")]
    run(project, *data).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("parity()", "expected reference, candidate, data, got no reference, no candidate, no"),
        ("parity('models/a.onnx', 'models/b.onnx')", "*--parity-data or by parity_data*"),
        ("parity('a', 'b', 'c', tolerance=1)", "got tolerance; correct the call or its marker"),
        ("parity('a.onnx', 'b', 'images')", "reference: expected a model, *a.onnx does not exist"),
    ],
)
def test_what_is_missing_is_named(project: pytest.Pytester, call: str, message: str) -> None:
    """A test that cannot compare fails, and says what to give and where."""
    project.makepyfile(f"def test_models(parity):\n    {call}\n")
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E *UsageError: *{message}*"])


def test_the_marker_and_options_are_documented(project: pytest.Pytester) -> None:
    """``pytest --markers`` and ``--help`` have them."""
    run(project, "--markers").stdout.fnmatch_lines(["@pytest.mark.parity(reference, *"])
    result = run(project, "--help")
    result.stdout.fnmatch_lines(["*--parity-data=DATA*", "*parity_data (paths)*"])


def python(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, words: Sequence[str]
) -> pytest.RunResult:
    """Run pytest in a process of its own."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(project.path), *sys.path[1:]]))
    return project.run(sys.executable, "-m", "pytest", *words)


def test_a_run_that_compares_nothing_loads_nothing(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even with a test that has the fixture, as long as it is not called."""
    project.makepyfile(
        f"""
        import sys

        def test_taken(parity):
            pass  # fails, for it compares nothing

        def test_other():
            assert "{MODULE}" in sys.modules
            assert not {HEAVY} & set(sys.modules)
        """
    )
    python(project, monkeypatch, ["-p", MODULE]).assert_outcomes(passed=1, failed=1)


def test_without_the_extra_only_the_fixture_fails(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other tests run, and the error names the extra."""
    project.makeconftest("import sys; sys.modules['tensorflow'] = None")
    project.makepyfile(
        """
        def test_models(parity):
            parity("models/a.onnx", "models/b.onnx", "images")

        def test_other():
            pass
        """
    )
    result = python(project, monkeypatch, ["-p", MODULE])
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E *MissingExtra: the fixture 'parity' needs the extra 'export'*"])


@pytest.mark.parametrize(
    ("words", "conftest"),
    [
        (["-p", MODULE], ""),
        ([], f"pytest_plugins = ['{MODULE}']"),
        (["-p", MODULE], f"pytest_plugins = ['{MODULE}']"),
    ],
)
def test_the_plugin_is_asked_for_in_either_way(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, words: list[str], conftest: str
) -> None:
    """By ``-p`` or in conftest.py; asked for twice, it is loaded once."""
    project.makeconftest(conftest)
    project.makepyfile("def test_models(request):\n    request.getfixturevalue('parity')\n")
    result = python(project, monkeypatch, [*words, "--parity-data", "images"])
    result.assert_outcomes(passed=1)


def test_a_plain_run_gains_nothing(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where cxr-edge is installed, other projects get no fixture, marker, option or import."""
    assert "pytest11" not in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"].get(
        "entry-points", {}
    )
    project.makepyfile(
        """
        import sys

        def test_fixture(parity):
            pass

        def test_other():
            assert not {name.partition(".")[0] for name in sys.modules} & {"cxr_export", "cxr_edge"}
        """
    )
    python(project, monkeypatch, []).assert_outcomes(passed=1, errors=1)
    markers = python(project, monkeypatch, ["--markers"])
    markers.stdout.no_fnmatch_line("*mark.parity*")
    python(project, monkeypatch, ["--parity-data", "images"]).stderr.fnmatch_lines(
        ["*unrecognized arguments: --parity-data*"]
    )
