"""``--runtime auto``: which artefact of a package is taken, and why."""

import dataclasses
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import SAMPLES

from cxr_edge.errors import RuntimeUnavailable
from cxr_edge.extras import install_command
from cxr_edge.models import machine_cache as machine_cache_module
from cxr_edge.models import selection as module
from cxr_edge.models.checksums import write_checksums
from cxr_edge.models.load import Artefact
from cxr_edge.models.model import Model
from cxr_edge.models.open import open_artefact
from cxr_edge.models.preferred import Preferred
from cxr_edge.models.registry import installed
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.runtimes import timing
from cxr_edge.runtimes.base import OpenOptions

pytestmark = [pytest.mark.usefixtures("forgetful"), pytest.mark.slow]

IMAGE = SAMPLES / "phantom-normal.jpg"


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine with two runtimes, where LiteRT is faster; what was measured there."""
    calls: list[str] = []
    monkeypatch.setattr(module, "installed", lambda name: name != "openvino" and installed(name))

    def measure(runtimes: dict[str, object]) -> dict[str, float]:
        assert list(runtimes) == ["onnx", "litert"]
        calls.append("measured")
        return {"onnx": 42.1, "litert": 25.0}

    monkeypatch.setattr(timing, "time_in_turns", measure)
    return calls


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make these the runtimes that are installed."""
    monkeypatch.setattr(module, "installed", lambda name: name in names)


def test_the_fastest_is_taken_and_remembered(golden_package: Path, measured: list[str]) -> None:
    """The first start measures, later ones do not, with any number of threads."""
    for _ in range(3):
        opened = open_artefact(str(golden_package))
        assert opened.runtime_name == "litert"
        assert opened.artefact == "model.tflite"
        assert opened.why == "the fastest here: litert 25 ms, onnx 42.1 ms per image"
    assert len(measured) == 1
    assert open_artefact(str(golden_package), threads=7).runtime_name == "litert"
    assert len(measured) == 1


@pytest.mark.parametrize(
    ("times", "taken"),
    [
        ({"onnx": 10.0, "litert": 9.0}, "onnx"),
        ({"litert": 10.0, "onnx": 13.0}, "onnx"),
        ({"onnx": 14.0, "litert": 10.0}, "litert"),
        ({"onnx": 20.0, "litert": 11.0, "openvino": 10.0}, "litert"),
        ({"onnx": 20.0, "litert": 15.0, "openvino": 10.0}, "openvino"),
    ],
)
def test_nearly_the_same_speed_is_no_reason(
    golden_package: Path, monkeypatch: pytest.MonkeyPatch, times: dict[str, float], taken: str
) -> None:
    """Up to a third more time the order of preference decides, so that chance does not."""
    monkeypatch.setattr(module, "installed", times.__contains__)
    monkeypatch.setattr(
        timing, "time_in_turns", lambda runtimes: {name: times[name] for name in runtimes}
    )
    opened = open_artefact(str(golden_package))
    assert opened.runtime_name == taken
    preferred = "preferred, and at most a third slower than the fastest here: "
    assert opened.why.startswith(
        "the fastest here: " if min(times.values()) == times[taken] else preferred
    )


def test_times_are_told_as_they_were_compared() -> None:
    """Rounded to tenths, a fast model would take half the time of one that is as fast."""
    assert module._reason({"litert": 0.147, "onnx": 0.151}) == (
        "preferred, and at most a third slower than the fastest here: "
        "litert 0.147 ms, onnx 0.151 ms per image"
    )


@pytest.mark.usefixtures("measured")
def test_an_equal_machine_decides_alike(
    golden_package: Path, forgetful: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that differs in its name alone takes over what another one measured."""
    open_artefact(str(golden_package))
    here = machine_cache_module._circumstances()
    for change, records in (({"node": "other"}, 1), ({"cpu": "other"}, 2)):
        monkeypatch.setattr(
            machine_cache_module, "_circumstances", lambda change=change: {**here, **change}
        )
        assert open_artefact(str(golden_package)).runtime_name == "litert"
        assert len(list(forgetful.iterdir())) == records


def test_a_record_with_other_times_is_obeyed(
    golden_package: Path, forgetful: Path, measured: list[str]
) -> None:
    """The measurement counts, not the preference; rubbish is measured anew."""
    open_artefact(str(golden_package))
    (record,) = forgetful.iterdir()
    record.write_text(record.read_text().replace("42.1", "3.5"))
    assert open_artefact(str(golden_package)).runtime_name == "onnx"
    record.write_text(record.read_text().replace("3.5", "null"))
    assert open_artefact(str(golden_package)).runtime_name == "litert"
    assert len(measured) == 2


def test_the_default_model_is_measured_for_real() -> None:
    """The runtimes of the embedded model are timed, and one that is nearly the fastest is taken."""
    opened = open_artefact()
    assert "the fastest here: " in opened.why
    again = open_artefact()
    assert (again.runtime_name, again.why) == (opened.runtime_name, opened.why)


def test_what_is_asked_for_is_not_measured(golden_package: Path, measured: list[str]) -> None:
    """A runtime by name, and a single file, leave nothing to choose."""
    assert open_artefact(str(golden_package), "onnx").why == "asked for"
    assert open_artefact(str(golden_package / "model.tflite")).why == "chosen by file type"
    assert measured == []


@pytest.mark.parametrize("name", ["onnx", "litert"])
def test_the_only_one_installed_is_taken(
    golden_package: Path, monkeypatch: pytest.MonkeyPatch, measured: list[str], name: str
) -> None:
    """There is nothing to measure either."""
    only(monkeypatch, name)
    opened = open_artefact(str(golden_package))
    assert (opened.runtime_name, opened.why) == (name, "only runtime installed")
    assert measured == []


def test_the_only_one_installed_is_said_to_be_that(
    tested: Path, monkeypatch: pytest.MonkeyPatch, measured: list[str]
) -> None:
    """A package with one file that several runtimes could run lacks none of them."""
    (tested / "model.tflite").unlink()
    write_checksums(tested)
    only(monkeypatch, "onnx")
    opened = open_artefact(str(tested))
    assert (opened.runtime_name, opened.why) == ("onnx", "only runtime installed")
    assert measured == []


@pytest.fixture
def quantized(tested: Path) -> Path:
    """A package with fp32 for one runtime, and what counts as int8 for both."""
    shutil.copy(tested / "model.onnx", tested / "model.int8.onnx")
    (tested / "model.tflite").rename(tested / "model.int8.tflite")
    write_checksums(tested)
    return tested


def test_int8_is_never_chosen_where_fp32_is(
    quantized: Path, monkeypatch: pytest.MonkeyPatch, measured: list[str]
) -> None:
    """It may decide differently, so it must be asked for, even where fp32 cannot run."""
    opened = open_artefact(str(quantized))
    assert opened.artefact == "model.onnx"
    assert opened.why == "only runtime installed for the fp32 artefact of this package"
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "cxr_edge.runtimes.onnx", raising=False)
    with pytest.raises(RuntimeUnavailable, match="pip install onnxruntime"):
        open_artefact(str(quantized))
    assert open_artefact(str(quantized), "litert").artefact == "model.int8.tflite"
    assert measured == []


def test_int8_alone_is_measured_among_its_own(quantized: Path, measured: list[str]) -> None:
    """Where a package has nothing more exact, auto chooses among what there is."""
    (quantized / "model.onnx").unlink()
    write_checksums(quantized)
    assert open_artefact(str(quantized)).artefact == "model.int8.tflite"
    assert len(measured) == 1


def started(package: Path, runtime: str) -> Preferred:
    """Return what a report by this runtime prefers."""
    return Preferred(runtime, open_artefact(str(package), runtime).sha256, 1)


def test_a_report_is_continued_by_what_began_it(golden_package: Path, measured: list[str]) -> None:
    """Though another runtime is faster now, and nothing is measured."""
    opened = open_artefact(str(golden_package), preferred=started(golden_package, "onnx"))
    assert (opened.runtime_name, opened.why) == ("onnx", "same as when this report was started")
    assert measured == []


def test_what_began_a_report_may_be_gone(
    golden_package: Path, monkeypatch: pytest.MonkeyPatch, measured: list[str]
) -> None:
    """Another model, or a runtime that was uninstalled, is chosen anew; the scan then refuses."""
    before = started(golden_package, "onnx")
    other = dataclasses.replace(before, model_sha256="0" * 64)
    assert open_artefact(str(golden_package), preferred=other).runtime_name == "litert"
    only(monkeypatch, "litert")
    assert open_artefact(str(golden_package), preferred=before).why == "only runtime installed"
    assert len(measured) == 1


def test_int8_continues_its_report(quantized: Path) -> None:
    """A report that was begun with int8 is finished with it, by its digest."""
    before = started(quantized, "litert")
    opened = open_artefact(str(quantized), preferred=before)
    assert (opened.artefact, opened.sha256) == ("model.int8.tflite", before.model_sha256)


def test_a_killed_scan_is_finished_by_the_same_runtime(
    cxr: Callable[..., Any], golden_package: Path, forgetful: Path, tmp_path: Path
) -> None:
    """The same command finishes the report, though a new measurement would say otherwise."""
    out = tmp_path / "r.csv"
    words = ("scan", SAMPLES, "--model", golden_package, "--out", out, "--batch-size", "2")
    assert cxr(*words, "--runtime", "onnx").exit_code == 3
    whole = out.read_bytes()
    out.write_bytes(b"".join(whole.splitlines(keepends=True)[:4]))
    shutil.rmtree(forgetful)
    assert cxr(*words).exit_code == 3
    assert out.read_bytes() == whole
    data = json.loads(manifest_path(out).read_text())
    assert data["runtime_why"] == "same as when this report was started"
    assert data["continued_from"] == 3
    assert REPORT.recorded(out).identity["runtime"] == "onnx"
    assert cxr(*words, "--fresh").exit_code == 3
    assert "the fastest here: " in json.loads(manifest_path(out).read_text())["runtime_why"]


def test_a_runtime_that_cannot_be_loaded_leaves_the_other(
    golden_package: Path, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One broken library does not stop a scan that another could do; the manifest says so."""
    monkeypatch.delitem(sys.modules, "cxr_edge.runtimes.litert", raising=False)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    opened = open_artefact(str(golden_package))
    assert opened.runtime_name == "onnx"
    assert "only runtime that can be loaded" in opened.why
    assert measured == []


@pytest.mark.skipif(not installed("openvino"), reason="openvino is not installed")
def test_openvino_takes_part(golden_package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runtimes of one file and one of another are measured, and the fastest is taken."""
    times = {"onnx": 3.0, "openvino": 1.0, "litert": 2.0}
    monkeypatch.setattr(
        timing, "time_in_turns", lambda runtimes: {name: times[name] for name in runtimes}
    )
    opened = open_artefact(str(golden_package))
    assert (opened.runtime_name, opened.artefact) == ("openvino", "model.onnx")
    assert opened.why == ("the fastest here: openvino 1 ms, litert 2 ms, onnx 3 ms per image")


def test_the_others_are_measured_where_one_is_broken(
    golden_package: Path, monkeypatch: pytest.MonkeyPatch, forgetful: Path
) -> None:
    """The broken one is told of, and tried again at the next start."""
    monkeypatch.setattr(timing, "time_in_turns", lambda runtimes: dict.fromkeys(runtimes, 1.0))
    monkeypatch.setattr(module, "installed", lambda name: True)
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.delitem(sys.modules, "cxr_edge.runtimes.openvino", raising=False)
    opened = open_artefact(str(golden_package))
    assert opened.why.startswith("the fastest here: onnx 1 ms, litert 1 ms per image; ")
    assert install_command("openvino") in opened.why
    assert not forgetful.exists()


def test_a_single_file_is_run_by_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An .onnx file goes to onnxruntime where it is there, else to OpenVINO."""
    taken = []
    for names in (("onnx", "openvino"), ("openvino", "litert"), ("litert",)):
        only(monkeypatch, *names)
        (candidate,), why = module.candidates_in(Path("m.onnx"), "auto", "auto", None)
        assert why == "chosen by file type"
        taken.append(candidate.runtime)
    assert taken == ["onnx", "openvino", "onnx"]


class Counting:
    """Counts the files read and the models loaded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: list[str] = []
        self.loaded: list[tuple[str, int]] = []
        read, load = Artefact.read, Artefact.load

        def counted_read(file: Path, package: Path | None = None) -> Artefact:
            self.read.append(file.name)
            return read(file, package)

        def counted_load(artefact: Artefact, name: str, options: OpenOptions, why: str) -> Model:
            self.loaded.append((name, options.threads))
            return load(artefact, name, options, why)

        monkeypatch.setattr(Artefact, "read", counted_read)
        monkeypatch.setattr(Artefact, "load", counted_load)


def test_nothing_is_read_or_loaded_twice(
    golden_package: Path, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At first use every file is read once and what was measured is used; later only the winner."""
    counting = Counting(monkeypatch)
    open_artefact(str(golden_package), threads=1)
    assert counting.read == ["model.onnx", "model.tflite"]
    assert counting.loaded == [("onnx", 1), ("litert", 1)]
    assert measured == ["measured"]
    counting.read.clear()
    counting.loaded.clear()
    assert open_artefact(str(golden_package), threads=3).runtime_name == "litert"
    assert counting.read == ["model.tflite"]
    assert counting.loaded == [("litert", 3)]


@pytest.mark.usefixtures("measured")
def test_other_threads_load_the_winner_again(
    golden_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is measured with one thread and used with as many as were asked for."""
    counting = Counting(monkeypatch)
    open_artefact(str(golden_package), threads=2)
    assert counting.read == ["model.onnx", "model.tflite"]
    assert counting.loaded == [("onnx", 1), ("litert", 1), ("litert", 2)]
