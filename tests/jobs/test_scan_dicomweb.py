"""``cxr scan --dicomweb``: the images of a real DICOMweb server to one report."""

import csv
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dicoms import Make, saved
from fake_dicomweb import Answer, FakePacs, serving
from orthanc import orthanc, store
from pydicom import dcmread
from pydicom.dataset import FileDataset

import cxr_edge
from cxr_edge.errors import ExitCode
from cxr_edge.storage import dicomweb
from cxr_edge.storage.dicomweb import paging, server
from cxr_edge.storage.dicomweb.query import Query
from cxr_edge.storage.dicomweb.storage import DicomWeb
from cxr_edge.storage.place import Placed
from cxr_edge.storage.read_file import MAX_BYTES

pytestmark = pytest.mark.slow

PACKAGE = dicomweb.__name__
NAME, PATIENT = "Doe^Jane", "MRN-4711"
DAY, OTHER_DAY = "20261127", "20261126"
SCAN = ("--runtime", "onnx", "--batch-size", 1, "--no-self-test")

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "1.1/1.1.1/1.1.1.1": (DAY, {}),
    "1.1/1.1.1/1.1.1.10": (DAY, {"ViewPosition": "LL"}),
    "1.1/1.1.2/1.1.2.1": (DAY, {"Modality": "DX", "BodyPartExamined": "THORAX"}),
    "1.2/1.2.1/1.2.1.1": (DAY, {"Modality": "RG", "BodyPartExamined": None}),
    "1.2/1.2.2/1.2.2.1": (DAY, {"NumberOfFrames": 2}),
    "1.2/1.2.3/1.2.3.1": (DAY, {"PixelData": None}),
    "1.2/1.2.4/1.2.4.1": (DAY, {"Modality": "CT"}),
    "1.2/1.2.5/1.2.5.1": (DAY, {"Modality": "SR", "PixelData": None}),
    "1.2/1.2.6/1.2.6.1": (DAY, {"BodyPartExamined": "KNEE"}),
    "1.3/1.3.1/1.3.1.1": (OTHER_DAY, {}),
}
"""Attributes of each object, by the UIDs of its study, series and instance, and its day."""

TAKEN = [path for path in KINDS if path < "1.2/1.2.4"]


def made(make: Make, path: str) -> FileDataset:
    day, attributes = KINDS[path]
    study, series, instance = path.split("/")
    dataset = make(PatientName=NAME, PatientID=PATIENT, StudyDate=day, StudyTime="1200")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = instance
    if "NumberOfFrames" in attributes:
        dataset.PixelData = 2 * dataset.PixelData
    for name, value in attributes.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    return dataset


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies are not asked for what is on this machine."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked again."""
    monkeypatch.setattr(server, "ASK", 0.0)
    monkeypatch.setattr(server, "_PING", 0.0)


@pytest.fixture(scope="module")
def objects(make: Make) -> dict[str, bytes]:
    return {path: saved(made(make, path)) for path in KINDS}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, objects: dict[str, bytes]) -> Iterator[str]:
    """A server with the objects, of two days."""
    with orthanc(tmp_path_factory.mktemp("orthanc")) as address:
        store(address, objects.values())
        yield f"{address}/dicom-web"


def written(folder: Path, objects: dict[str, bytes], paths: list[str]) -> Path:
    for path in paths:
        file = folder / f"{path}.dcm"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(objects[path])
    return folder


def rows(report: Path) -> dict[str, dict[str, str]]:
    with report.open(newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def test_the_report_is_that_of_the_files(
    cxr: Callable[..., Any], url: str, objects: dict[str, bytes], tmp_path: Path
) -> None:
    """Byte for byte, digests too, since the server gives the bytes that it got; what is not taken
    is counted, and nothing that is written or printed names a patient."""
    of_files, of_server = tmp_path / "files.csv", tmp_path / "server.csv"
    cxr("scan", written(tmp_path / "films", objects, TAKEN), "-o", of_files, *SCAN)
    query = ("--query", f"StudyDate={DAY}", "--query", f"PatientID={PATIENT}")
    done = cxr("scan", "--dicomweb", url, *query, "-o", of_server, *SCAN)
    assert done.exit_code == ExitCode.SOME_FAILED, done.output
    assert of_server.read_bytes() == of_files.read_bytes()
    assert {row["reason"] for row in rows(of_server).values()} >= {"", "no-pixel-data"}
    manifest = json.loads(of_server.with_suffix(".run.json").read_text())
    assert manifest["skipped"] == {"other-modality": 2, "other-body-part": 1}
    assert "2 series of other modalities" in done.output
    assert "1 image or series of another body part" in done.output
    for text in (of_server.read_text(), json.dumps(manifest), done.output):
        assert not any(word in text for word in (NAME, "Jane", PATIENT, DAY))


def test_the_query_chooses(
    cxr: Callable[..., Any], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By day, by a range of days, by lists and wildcards, and by what a series is; also where
    results fill pages."""
    monkeypatch.setattr(paging, "PAGE", 2)
    for number, (terms, count) in enumerate(
        [
            ([f"StudyDate={OTHER_DAY}-{DAY}"], 7),
            ([f"StudyDate={OTHER_DAY}"], 1),
            ([f"StudyDate={DAY}", "Modality=DX"], 1),
            (["StudyInstanceUID=1.1,1.3"], 4),
            (["PatientID=MRN?47*"], 7),
            (["ModalitiesInStudy=CR"], 7),
            (["PatientName=doe*", "Modality=RG"], 1),
            (["StudyDate=19000101"], 0),
        ]
    ):
        out = tmp_path / f"{number}.csv"
        words = [word for term in terms for word in ("--query", term)]
        cxr("scan", "--dicomweb", url, *words, "-o", out, *SCAN)
        assert len(rows(out)) == count, terms


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected a PATH"),
        (["--query", "StudyDate=20261127"], "add --dicomweb URL"),
        (["--dicomweb", "http://127.0.0.1:9/x"], "expected a query"),
        (["--dicomweb", "http://127.0.0.1:9/x", "--query", f"PatientID={PATIENT}", "."], "exclude"),
        (["http://127.0.0.1:9/x"], "--dicomweb URL --query"),
        (
            ["--dicomweb", "http://127.0.0.1:9/x", "--query", f"PatientID={PATIENT}"],
            "cannot be reached",
        ),
    ],
)
def test_what_cannot_work_is_refused(
    cxr: Callable[..., Any],
    words: list[str],
    message: str,
    tmp_path: Path,
) -> None:
    """Before a model is opened, and without a word of the query."""
    done = cxr("scan", *words, "-o", tmp_path / "report.csv")
    assert done.exit_code == ExitCode.USAGE
    assert message in " ".join(done.output.split())
    assert PATIENT not in done.output
    assert not (tmp_path / "report.csv").exists()


@pytest.mark.usefixtures("impatient")
def test_an_address_on_the_network_without_encryption_is_warned_of(
    cxr: Callable[..., Any], tmp_path: Path
) -> None:
    """Whoever listens there sees images of patients; nobody does on this machine."""
    for url, warned in {
        "http://pacs.invalid/dicom-web": True,
        "https://pacs.invalid/dicom-web": False,
        "http://127.0.0.1:9/dicom-web": False,
        "http://localhost:9/dicom-web": False,
    }.items():
        words = ("--query", "StudyDate=today", "-o", tmp_path / "report.csv")
        done = cxr("scan", "--dicomweb", url, *words)
        assert ("in the clear" in done.output) is warned, done.output


@pytest.fixture
def pacs(objects: dict[str, bytes], impatient: None) -> Iterator[FakePacs]:  # noqa: ARG001
    """A server that can go wrong, with twenty films."""
    film = objects[TAKEN[0]]
    uids = [f"1.1.1.{number}" for number in range(10, 30)]  # as long as that of the film
    films = {uid: film.replace(b"1.1.1.1\0", uid.encode()) for uid in uids}
    with serving(FakePacs({"1.1": {"1.2": films}})) as running:
        yield running


def scanned(cxr: Callable[..., Any], pacs: FakePacs, out: Path) -> Any:
    return cxr("scan", "--dicomweb", pacs.url, "--query", "StudyDate=today", "-o", out, *SCAN)


def test_a_scan_goes_on_where_the_server_went(
    cxr: Callable[..., Any], pacs: FakePacs, tmp_path: Path
) -> None:
    """A server that goes away ends the run, with no failed row; the same command finishes it."""
    whole, out = tmp_path / "whole.csv", tmp_path / "report.csv"
    assert scanned(cxr, pacs, whole).exit_code == ExitCode.DONE
    asked = len(pacs.asked)
    pacs.instead = lambda _path, _params: Answer(503) if len(pacs.asked) > asked + 15 else None
    done = scanned(cxr, pacs, out)
    assert done.exit_code == ExitCode.ERROR
    assert "run the same command again" in " ".join(done.output.split())
    assert 0 < len(rows(out)) < 20
    assert all(row["status"] == "ok" for row in rows(out).values())
    pacs.instead = lambda _path, _params: None
    assert scanned(cxr, pacs, out).exit_code == ExitCode.DONE
    assert out.read_bytes() == whole.read_bytes()


def test_one_bad_instance_is_one_failed_row(
    cxr: Callable[..., Any], pacs: FakePacs, tmp_path: Path
) -> None:
    """The others are scanned, and --retry-failed asks for it again."""
    pacs.instead = lambda path, _params: Answer(500) if path[-1] == "1.1.1.15" else None
    out = tmp_path / "report.csv"
    assert scanned(cxr, pacs, out).exit_code == ExitCode.SOME_FAILED
    bad = rows(out)["1.1/1.2/1.1.1.15.dcm"]
    assert (bad["reason"], bad["sha256"]) == ("unreadable", "")
    assert "the server failed (500)" in bad["detail"]
    assert [row["status"] for row in rows(out).values()].count("ok") == 19


def test_what_looks_at_the_images_again_asks_the_server(
    cxr: Callable[..., Any], url: str, tmp_path: Path
) -> None:
    """By the address in the manifest: a page has their pictures, and their SRs refer to them."""
    out = tmp_path / "report.csv"
    cxr("scan", "--dicomweb", url, "--query", f"StudyDate={OTHER_DAY}", "-o", out, *SCAN)
    page = cxr("report", out, "-o", tmp_path / "page.html", "--thumbnails", "top:9")
    assert page.exit_code == ExitCode.DONE, page.output
    assert "data:image" in (tmp_path / "page.html").read_text()
    reports = cxr("sr", out, "-o", tmp_path / "sr")
    assert reports.exit_code == ExitCode.DONE, reports.output
    assert len([*(tmp_path / "sr").glob("*.dcm")]) == 1


def test_the_extra_is_named(cxr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where dicomweb-client is missing, with the command that installs it."""
    for module in ("dicomweb_client", "dicomweb_client.web", f"{PACKAGE}.storage", server.__name__):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "dicomweb_client", None)
    monkeypatch.delattr(dicomweb, "server")
    done = cxr("scan", "--dicomweb", "https://pacs.invalid/", "--query", "StudyDate=today")
    assert done.exit_code == ExitCode.ERROR
    needed = "cxr scan --dicomweb needs the extra 'pacs' (dicomweb_client is not installed)"
    assert needed in " ".join(done.output.split())


def test_another_query_needs_another_report(
    cxr: Callable[..., Any], url: str, tmp_path: Path
) -> None:
    """Nothing is gone from the server, so nobody is told that it is; the report stays."""
    out = tmp_path / "report.csv"
    for day, code in ((DAY, ExitCode.SOME_FAILED), (OTHER_DAY, ExitCode.ERROR)):
        before = out.read_bytes() if out.exists() else b""
        done = cxr("scan", "--dicomweb", url, "--query", f"StudyDate={day}", "-o", out, *SCAN)
        assert done.exit_code == code, done.output
    said = " ".join(done.output.split())
    assert re.search(r"is new; give another|is not in what the query finds now; give another", said)
    assert "give another query another --out; if the query is the same, add --add-new" in said
    assert "is gone" not in said
    assert out.read_bytes() == before


def test_shards_and_python_take_a_server(cxr: Callable[..., Any], url: str, tmp_path: Path) -> None:
    """Their rows are those of the report."""
    out, shards, merged = (tmp_path / name for name in ("report.csv", "shards", "merged.csv"))
    archive = ("--dicomweb", url, "--query", f"StudyDate={DAY}")
    cxr("scan", *archive, "-o", out, *SCAN)
    done = cxr("scan", *archive, "--shards", shards, "--shard-size", 2, *SCAN)
    assert done.exit_code == ExitCode.SOME_FAILED, done.output
    done = cxr("merge", shards, "-o", merged)
    assert merged.read_bytes() == out.read_bytes(), done.output
    server = DicomWeb(url, Query.parse([f"StudyDate={DAY}"]))
    classifier = cxr_edge.open_model(runtime="onnx", self_test=False)
    outcomes = cxr_edge.scan(Placed(server.url, server), classifier)
    assert [outcome.path for outcome in outcomes] == [*rows(out)]


def test_other_commands_say_what_takes_a_server(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """They need a folder, and nobody's archive is listed without a query."""
    done = cxr("convert", "http://127.0.0.1:9/x", tmp_path / "out")
    assert done.exit_code == ExitCode.USAGE, done.output
    assert "cxr scan --dicomweb URL" in " ".join(done.output.split())


@pytest.mark.data
@pytest.mark.filterwarnings("ignore:.*:UserWarning:pydicom")  # of odd files
def test_real_files_give_the_rows_that_they_give_from_a_folder(
    cxr: Callable[..., Any], real_data: Path, tmp_path: Path
) -> None:
    """Each file that a server takes comes back byte for byte, and has the row of the file."""
    folder = tmp_path / "films"
    with orthanc(tmp_path) as address:
        storage = DicomWeb(f"{address}/dicom-web")
        for file in sorted((real_data / "dicom").rglob("*.dcm")):
            header = dcmread(file, force=True, stop_before_pixels=True)
            levels = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
            path = "/".join(str(header.get(level)) for level in levels) + ".dcm"
            place = folder / path
            if place.exists():  # another object of this UID
                continue
            try:
                store(address, [file.read_bytes()])
            except OSError:  # it refuses what is damaged
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)
            assert storage.read(f"{storage.url}/{path}", MAX_BYTES) == file.read_bytes(), file
        of_files, of_server = tmp_path / "files.csv", tmp_path / "server.csv"
        cxr("scan", folder, "-o", of_files, *SCAN)
        days = ("--query", "StudyDate=19000101-20991231")
        cxr("scan", "--dicomweb", storage.url, *days, "-o", of_server, *SCAN)
    local, found = rows(of_files), rows(of_server)
    assert len(local) > 50
    assert len(found) > 3
    assert found.items() <= local.items()
