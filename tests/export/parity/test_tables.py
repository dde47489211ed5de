"""Findings of a comparison as tables and sentences."""

import json
from pathlib import Path
from typing import Any

from cxr_export.parity.tables import (
    as_markdown,
    attempts_of,
    attempts_table,
    differences_table,
    headline,
    remarks,
    size_and_time_table,
)


def test_findings_of_an_older_version_are_read() -> None:
    """A parity.json of version 2 calls attempts rungs; its tables are the same as ever."""
    findings = json.loads(Path(__file__).with_name("parity-2.json").read_text())
    assert findings["parity_version"] == 2
    tried = attempts_of(findings)["model.int8.onnx"]
    assert [tried[0]["attempt"], tried[-1]["passed"]] == ["minmax, 128 films", True]
    assert len(attempts_table(findings).rows) == 11
    assert attempts_of({"attempts": attempts_of(findings)}) == attempts_of(findings)
    assert headline(findings).startswith("1035 images of 559 patients, 762 positive and 273 neg")
    assert "| model.int8.onnx | minmax, 128 films |" in as_markdown(findings)
    assert {row[-1] for row in differences_table(findings).rows} == {"passed"}
    assert {row[-1] for row in attempts_table(findings).rows} == {"passed", "failed"}


def test_remarks_tell_what_flatters_or_is_too_few() -> None:
    """Too few images for the share that is allowed, and images that were calibrated with."""
    artefact = {"artefact": "model.int8.onnx", "gate": {"flips": 0.005}, "calibrated": 7}
    artefact["undecided"] = ["4 of 735 labels differ"]
    found = {"films": 735, "unreadable": 2, "unjudged": ["AUC"], "artefacts": [artefact]}
    assert remarks(found) == [
        "not judged, because no image is labelled: AUC",
        "2 files could not be read and were left out",
        "inconclusive: model.int8.onnx: 4 of 735 labels differ",
        "735 images are too few to show that at most 0.5% of labels change; use at least 736",
        (
            "model.int8.onnx was calibrated with 7 of the images, so its figures are too good; "
            "--held-out leaves these images out"
        ),
    ]
    artefact |= {"calibrated": 0, "undecided": []}
    assert remarks({"films": 736, "unreadable": 0, "unjudged": [], "artefacts": [artefact]}) == []


def test_sizes_are_shares_of_the_float_artefact_of_the_same_runtime() -> None:
    """Without one there is no share."""

    def artefact(name: str, runtime: str, precision: str, size: int) -> dict[str, Any]:
        times = {"cold": 1.0, "warm": 1.0}
        return {
            "artefact": name, "runtime": runtime, "precision": precision, "size": size,
            "batches": {"2": 0.0}, "latency_ms": times,
        }  # fmt: skip

    found = [
        artefact("model.onnx", "onnx", "fp32", 1000),
        artefact("model.int8.onnx", "onnx", "int8", 290),
        artefact("model.int8.tflite", "litert", "int8", 500),
    ]
    table = size_and_time_table({"artefacts": found})
    assert [row[2] for row in table.rows] == ["100%", "29%", "-"]
