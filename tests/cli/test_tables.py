"""Tables on the terminal: what is aligned, and what gives way where there is no room."""

import pytest

from cxr_edge.cli.tables import print_facts, print_table

MEASURED = (
    "runtime", "images per model call", "workers", "threads", "decode", "inference", "end to end",
    "ideal", "share", "p50 ms", "p95 ms", "p99 ms", "peak MB",
)  # fmt: skip
VALUES = ("1", "2", "1", "632.3", "93.9", "92.5", "139.0", "67%", "14.5", "14.9", "15.1", "188")
SENTENCE = "expected a regular file, got a pipe; scan it when it is copied to the disk, not before"


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_figures_are_right_and_words_left(capsys: pytest.CaptureFixture[str]) -> None:
    """A column of figures is aligned right, one with a word in it left, the first always left."""
    print_table(
        ("model", "images", "AUC", "result"),
        [("12", "9", "0.95", "passed"), ("edge", "1200", "-", "not installed")],
    )
    assert lines(capsys) == [
        "model  images   AUC  result",
        "12          9  0.95  passed",
        "edge     1200     -  not installed",
    ]


def test_titles_give_way_first(capsys: pytest.CaptureFixture[str]) -> None:
    """Where only titles are too wide they are folded at spaces, and no figure is."""
    print_table(
        ("artefact", "largest difference of gray levels", "largest difference of probabilities"),
        [("model.with-a-longer-name.onnx", "1", "1.1e-07")],
    )
    printed = lines(capsys)
    assert max(map(len, printed)) <= 80
    assert printed[-1].split() == ["model.with-a-longer-name.onnx", "1", "1.1e-07"]
    assert len(printed) > 2


def test_a_sentence_is_folded_in_its_column(capsys: pytest.CaptureFixture[str]) -> None:
    """The widest column of words gives way, the others stay on one line."""
    print_table(("file", "count", "reason"), [("a.png", "12", SENTENCE), ("b.png", "1", "-")])
    printed = lines(capsys)
    assert max(map(len, printed)) <= 80
    assert printed[1].startswith("a.png     12  expected a regular file")
    assert " ".join(" ".join(printed[1:3]).split()) == f"a.png 12 {SENTENCE}"


@pytest.mark.parametrize("count", [1, 2, 5])
def test_rows_become_columns_where_nothing_else_fits(
    capsys: pytest.CaptureFixture[str], count: int
) -> None:
    """A table of many figures keeps every one of them, and no line is wider than the terminal."""
    print_table(MEASURED, [(f"onnx {number}", *VALUES) for number in range(count)])
    printed = lines(capsys)
    assert max(map(len, printed)) <= 80
    assert printed[0].split("  ")[0] == "runtime"
    assert sum(line.split().count("632.3") for line in printed) == count


def test_a_wide_terminal_is_used(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same table is a table where it has room."""
    monkeypatch.setenv("COLUMNS", "140")
    print_table(MEASURED, [("onnx", *VALUES)])
    assert len(lines(capsys)) == 2


def test_facts_are_folded_beside_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines that go on start where the value starts, and names keep their indentation."""
    print_facts("this machine", [("CPU", SENTENCE), ("  has", "[bold]")])
    printed = lines(capsys)
    assert printed[0] == "this machine"
    assert printed[-1] == "  has  [bold]"
    assert max(map(len, printed)) <= 80
    assert all(line.startswith(" " * 7) for line in printed[2:-1])


def test_no_rows_are_a_table_of_titles(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to show is no error."""
    print_table(("model", "AUC"), [])
    assert lines(capsys) == ["model  AUC"]
