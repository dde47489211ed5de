"""A DICOMweb server as a storage, and what it does with bad answers."""

import pickle
import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from certificates import made_certificate
from clocks import PauseClock
from fake_dicomweb import Answer, FakePacs, Params, multipart, named, results, serving

from cxr_edge.errors import FolderGone, TooLarge, Unreadable, UsageError
from cxr_edge.pipeline.discover import discover
from cxr_edge.pipeline.skipped import Skipped
from cxr_edge.storage import retry
from cxr_edge.storage.base import Kind
from cxr_edge.storage.dicomweb import paging as module
from cxr_edge.storage.dicomweb import server
from cxr_edge.storage.dicomweb.query import Query
from cxr_edge.storage.dicomweb.storage import DicomWeb
from cxr_edge.storage.read_file import read_file

NAME = "Doe"
TREE = {"1.10": {"1.10.1": {"1.2.3": b"film"}}, "1.2": {"1.2.1": {"1.4": b"x", "1.30": b"y"}}}
FILM = "1.10/1.10.1/1.2.3.dcm"
HTML = Answer(body=b"<html>Please log in</html>", kind="text/html")


@pytest.fixture
def pacs() -> Iterator[FakePacs]:
    with serving(FakePacs(TREE)) as running:
        yield running


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PauseClock:
    """Nobody waits. No credentials and proxies are those of this machine."""
    found = PauseClock()
    monkeypatch.setattr(retry, "time", found)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv(server.TOKEN, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    return found


def storage(pacs: FakePacs) -> DicomWeb:
    return DicomWeb(pacs.url, Query.parse([f"PatientID={NAME}", "Modality=CR"]))


def paths(pacs: FakePacs, skipped: Skipped | None = None) -> list[str]:
    return [item.path for item in discover([pacs.url], skipped, storage(pacs))]


def answer_all(pacs: FakePacs, *answers: Answer) -> None:
    """Give these answers to the next requests, and the last to all others."""
    left = [*answers]
    pacs.instead = lambda _path, _params: left.pop(0) if len(left) > 1 else left[0]


def test_studies_are_folders_of_series_and_these_of_instances(pacs: FakePacs) -> None:
    """Files are named by UIDs, sorted bytewise; the bytes are those that the server gave."""
    assert paths(pacs) == [FILM, "1.2/1.2.1/1.30.dcm", "1.2/1.2.1/1.4.dcm"]
    assert read_file(f"{pacs.url}/{FILM}", storage(pacs)) == b"film"


def test_the_query_is_asked_at_its_levels(pacs: FakePacs) -> None:
    """Keywords of a study choose studies, and those of a series its series."""
    paths(pacs)
    for path, params in pacs.asked:
        level = path.count("/")
        assert ("PatientID" in params) == (level == 2)
        assert ("Modality" in params) == (level == 4)


def test_a_storage_travels_without_credentials(
    pacs: FakePacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process reads the token of its own environment; neither form has the query."""
    monkeypatch.setenv(server.TOKEN, "secret-token")
    sent = pickle.dumps(storage(pacs))
    assert b"secret-token" not in sent
    assert NAME.encode() not in sent
    assert NAME not in repr(storage(pacs))
    assert pickle.loads(sent).read(f"{pacs.url}/{FILM}", 100) == b"film"  # noqa: S301
    assert pacs.headers[-1]["Authorization"] == "Bearer secret-token"


def test_netrc_has_a_user_and_a_password(pacs: FakePacs, tmp_path: Path) -> None:
    """They are sent where there is no token, and a token goes before them."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ward password pass\n")
    storage(pacs).identity(pacs.url)
    assert pacs.headers[-1]["Authorization"].startswith("Basic ")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(server.TOKEN, "token")
        storage(pacs).identity(pacs.url)
    assert pacs.headers[-1]["Authorization"] == "Bearer token"


def test_a_token_that_no_header_can_have_is_not_shown(
    pacs: FakePacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of the variable is, instead."""
    monkeypatch.setenv(server.TOKEN, "secret\ntoken")
    with pytest.raises(UsageError, match=server.TOKEN) as error:
        storage(pacs).stat(pacs.url)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://ward:secret@pacs/dicom-web", "without a user and password"),
        ("https://secret@pacs/dicom-web", "without a user and password"),
        ("ftp://pacs/dicom-web", "http or https"),
        ("pacs/dicom-web", "http or https"),
        ("https://", "http or https"),
        ("https://pacs:0x/", "expected an address"),
        ("https://[::1/", "expected an address"),
        ("https://pacs/dicom-web?PatientID=secret", "expected no query"),
    ],
)
def test_an_address_that_cannot_work_is_refused(url: str, message: str) -> None:
    """A password in it is never shown."""
    with pytest.raises(UsageError, match=message) as error:
        DicomWeb(url, Query.parse(["StudyDate=20261127"]))
    assert "secret" not in str(error.value)


BAD = {
    "a bad query": (Answer(400), "400"),
    "no credentials": (Answer(401), server.TOKEN),
    "others' credentials": (Answer(403), "netrc"),
    "another address": (Answer(404), "404"),
    "another form": (Answer(406), "406"),
    "an error of its own": (Answer(500), "500"),
    "too many requests": (Answer(429), "fewer --workers"),
    "a page to log in": (Answer(302, headers={"Location": "/login"}), "log in"),
    "a page": (HTML, "JSON"),
    "half of JSON": (Answer(body=b'[{"0020000D": {'), "JSON"),
    "no list": (Answer(body=b"3"), "JSON"),
    "a list of others": (Answer(body=b"[1]"), "JSON"),
    "an error as JSON": (Answer(body=b'{"error": 1}'), "UID"),
    "no UID": (results([{}]), "UID"),
    "a path for a UID": (results([named("0020000D", "../../etc")]), "UID"),
    "values that are none": (results([{"0020000D": {"vr": "UI", "Value": "1.2"}}]), "UID"),
    "nothing": (Answer(0, dropped=True), "cannot be reached"),
    "half of an answer": (Answer(body=b"[", length=9, dropped=True), "before it was complete"),
}


@pytest.mark.parametrize(("answer", "message"), BAD.values(), ids=BAD)
def test_a_bad_answer_to_a_search_ends_the_listing(
    pacs: FakePacs, answer: Answer, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder is never taken for empty; the text says what helps, and nothing of the query, nor
    does the log of a library."""
    caplog.set_level("DEBUG")
    pacs.instead = lambda path, _params: answer if path == ["studies"] else None
    with pytest.raises(OSError, match=message) as error:
        storage(pacs).list(pacs.url)
    assert NAME not in str(error.value) + caplog.text
    pacs.instead = lambda path, _params: answer if len(path) == 5 else None
    with pytest.raises(FolderGone, match=message):
        paths(pacs)
    assert all("login" not in path for path, _ in pacs.asked)


@pytest.mark.parametrize("answer", [Answer(200), Answer(204)])
def test_an_empty_answer_is_an_empty_folder(pacs: FakePacs, answer: Answer) -> None:
    """PS3.18 has 204 for no results, and some servers 200."""
    answer_all(pacs, answer)
    assert paths(pacs) == []


def test_a_server_that_is_not_there_is_told_at_the_start(pacs: FakePacs) -> None:
    """The address is in the message, for a typing error in it."""
    for status in (400, 404):
        answer_all(pacs, Answer(status))
        with pytest.raises(UsageError, match=rf"{pacs.url} cannot .*{status}.*the root of the "):
            storage(pacs).stat(pacs.url)
    gone = DicomWeb("http://127.0.0.1:9/dicom-web", Query.parse(["StudyDate=20261127"]))
    with pytest.raises(UsageError, match="cannot be reached; check that it runs, and its address"):
        gone.stat(gone.url)


BAD_OBJECTS = {
    "gone": (Answer(404), "404"),
    "failed": (Answer(500), "500"),
    "another form": (Answer(406), "406"),
    "a page": (HTML, "expected a DICOM object"),
    "a page to log in": (Answer(302, headers={"Location": "/login"}), "log in"),
    "several": (multipart(b"a", b"b"), "several"),
    "cut before its end": (multipart(b"film", closed=False), "before it was complete"),
    "cut by the connection": (
        Answer(body=b"--x", length=99, kind="multipart/related; boundary=x", dropped=True),
        "before it was complete",
    ),
    "empty": (Answer(204, kind="text/plain"), "expected a DICOM object"),
    "no boundary": (Answer(body=b"film", kind="multipart/related"), "expected a DICOM object"),
    "a connection lost": (Answer(0, dropped=True), "cannot be reached"),
}


@pytest.mark.parametrize(("answer", "message"), BAD_OBJECTS.values(), ids=BAD_OBJECTS)
def test_a_bad_answer_for_an_instance_is_one_failed_row(
    pacs: FakePacs, answer: Answer, message: str
) -> None:
    """The reason says what the server did, and nothing of the address: other images are there."""
    answer_all(pacs, answer)
    with pytest.raises(Unreadable, match=message) as error:
        read_file(f"{pacs.url}/{FILM}", storage(pacs))
    assert "root of the service" not in str(error.value)


def test_an_object_may_come_bare(pacs: FakePacs) -> None:
    """Some servers answer with the object itself."""
    answer_all(pacs, Answer(body=b"film", kind="application/dicom; transfer-syntax=*"))
    assert read_file(f"{pacs.url}/{FILM}", storage(pacs)) == b"film"


def test_an_object_that_is_too_large_is_not_kept(
    pacs: FakePacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read up to the limit alone, as a file is."""
    answer_all(pacs, multipart(bytes(1000)))
    for chunk in (10, server._CHUNK):
        monkeypatch.setattr(server, "_CHUNK", chunk)
        with pytest.raises(TooLarge, match="at most 100 bytes"):
            storage(pacs).read(f"{pacs.url}/{FILM}", 100)


@pytest.mark.parametrize(
    "passing",
    [
        Answer(429),
        Answer(502),
        Answer(503),
        Answer(0, dropped=True),
        multipart(b"fi", closed=False),
        Answer(body=b"[", length=9, dropped=True),
    ],
)
def test_what_passes_is_asked_for_again(pacs: FakePacs, clock: PauseClock, passing: Answer) -> None:
    """After a rest each time."""
    answer_all(pacs, passing, passing, passing, multipart(b"film"))
    assert read_file(f"{pacs.url}/{FILM}", storage(pacs)) == b"film"
    assert len(clock.pauses) == 3


def test_a_storm_ends(pacs: FakePacs, clock: PauseClock) -> None:
    """After half a minute; the address of a command is told to be wrong after seconds."""
    answer_all(pacs, Answer(503))
    with pytest.raises(OSError, match="503"):
        storage(pacs).open(f"{pacs.url}/{FILM}")
    assert 1 < len(pacs.asked) < 50
    assert clock.now <= retry.ASK
    clock.now, count = 0, len(pacs.asked)
    with pytest.raises(UsageError, match="503"):
        storage(pacs).stat(pacs.url)
    assert clock.now <= server._PING
    assert len(pacs.asked) > count + 1


def test_a_rest_that_the_server_asks_for_is_kept(pacs: FakePacs, clock: PauseClock) -> None:
    """One that is too long for a scan is told as it is."""
    good = multipart(b"film")
    answer_all(pacs, *(Answer(503, headers={"Retry-After": text}) for text in ("7", "x")), good)
    assert storage(pacs).read(f"{pacs.url}/{FILM}", 9) == b"film"
    assert clock.pauses[0] == 7
    answer_all(pacs, Answer(429, headers={"Retry-After": "3600"}))
    with pytest.raises(OSError, match="429"):
        storage(pacs).open(f"{pacs.url}/{FILM}")
    assert len(clock.pauses) == 2


def test_another_image_than_asked_for_is_none(pacs: FakePacs) -> None:
    """A proxy or a server that mixes images up gives no row of another patient's."""
    header = bytes(128) + b"DICM\2\0\3\0UI\6\0"
    answer_all(pacs, multipart(header + b"1.2.3\0 and so on"))
    assert read_file(f"{pacs.url}/{FILM}", storage(pacs)).startswith(header)
    for uid in (b"1.2.30", b"11.2.3", b"1.2.3.4"):
        answer_all(pacs, multipart(header + uid + b"\0 and so on"))
        with pytest.raises(Unreadable, match="another image than the one that was asked for"):
            read_file(f"{pacs.url}/{FILM}", storage(pacs))


def test_results_that_never_end_are_none(pacs: FakePacs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether they drip or flood."""
    monkeypatch.setattr(server, "_ANSWER", 0.2)
    monkeypatch.setattr(server, "_SIP", 4)
    answer_all(pacs, Answer(length=1 << 40, rest=0.01))
    with pytest.raises(OSError, match="did not answer in time"):
        storage(pacs).identity(pacs.url)
    monkeypatch.setattr(server, "_ANSWER", 60.0)
    monkeypatch.setattr(server, "_RESULTS", 1000)
    answer_all(pacs, Answer(body=b" " * 2000, length=1 << 40, dropped=True))
    with pytest.raises(OSError, match="an answer without end"):
        storage(pacs).identity(pacs.url)


def test_nobody_waits_for_a_silent_server_for_ever(
    pacs: FakePacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails as one that cannot be reached."""
    monkeypatch.setattr(server, "_TIMES", (1.0, 0.1))
    monkeypatch.setenv(server.TOKEN, "another connection")
    answer_all(pacs, Answer(body=b"", length=9))
    for call in (storage(pacs).list, storage(pacs).open):
        with pytest.raises(OSError, match=r"in time|cannot be reached|complete"):
            call(f"{pacs.url}/{FILM}" if call.__name__ == "open" else pacs.url)


def many(count: int) -> FakePacs:
    return FakePacs({f"1.{number}": {} for number in range(count)})


def listed(pacs: FakePacs) -> list[str]:
    return [name for name, _ in storage(pacs).list(pacs.url)]


Paging = Callable[[FakePacs, Sequence[str], int, int], Answer]


def page(pacs: FakePacs, path: Sequence[str], limit: int, offset: int) -> Answer:
    return pacs.good(path, {"limit": str(limit), "offset": str(offset)})


PAGINGS: dict[str, Paging] = {
    "good": page,
    "pages of seven": lambda pacs, path, limit, offset: page(pacs, path, min(7, limit), offset),
    "all at once": lambda pacs, path, _limit, _offset: page(pacs, path, 9999, 0),
    "no offset": lambda pacs, path, limit, _offset: page(pacs, path, limit, 0),
    "offset off the limit": lambda pacs, path, limit, offset: page(
        pacs, path, max(0, limit - offset), offset
    ),
}


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 45])
@pytest.mark.parametrize("paging", PAGINGS.values(), ids=PAGINGS)
def test_each_study_is_listed_once_however_a_server_pages(
    paging: Paging, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the listing ends with an error, where the server cannot say that it gave all."""
    monkeypatch.setattr(module, "PAGE", 10)
    with serving(many(count)) as pacs:
        pacs.instead = lambda path, params: paging(
            pacs, path, int(params["limit"]), int(params["offset"])
        )
        if count in (10, 20) and paging in (PAGINGS["no offset"], PAGINGS["offset off the limit"]):
            with pytest.raises(OSError, match="narrow the query"):
                listed(pacs)
        else:
            assert listed(pacs) == sorted(pacs.tree, key=lambda name: f"{name}/")
        assert len(pacs.asked) <= 10


def test_a_server_that_stops_at_a_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies would be missing otherwise."""
    monkeypatch.setattr(module, "PAGE", 10)
    with serving(many(45)) as pacs:
        pacs.instead = lambda path, params: page(pacs, path, min(20, int(params["limit"])), 0)
        with pytest.raises(OSError, match="gives 20 results and no others; narrow the query"):
            listed(pacs)


def series(**values: str) -> Any:
    tags = {"modality": "00080060", "part": "00180015"}
    attributes = {tags[key]: {"vr": "CS", "Value": [value]} for key, value in values.items()}
    return named("0020000E", "1.10.1") | attributes


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (series(modality="CR"), Kind.FOLDER),
        (series(modality="DX", part="Chest "), Kind.FOLDER),
        (series(modality="RG", part="THORAX"), Kind.FOLDER),
        (series(), Kind.FOLDER),
        (series(modality="CR") | {"00180015": {"vr": "CS"}}, Kind.FOLDER),
        (series(modality="CT"), Kind.OTHER_MODALITY),
        (series(modality="SR", part="CHEST"), Kind.OTHER_MODALITY),
        (series(modality="DX", part="KNEE"), Kind.OTHER_BODY_PART),
    ],
)
def test_series_that_are_no_chest_radiographs_are_told_apart(
    pacs: FakePacs, found: Any, kind: Kind
) -> None:
    """Those of CR, DX and RG are taken, unless they say that they show something else."""

    def instead(_path: Sequence[str], params: Params) -> Answer:
        return results([found] if params["offset"] == "0" else [])

    pacs.instead = instead
    assert [*storage(pacs).list(f"{pacs.url}/1.10/")] == [("1.10.1", kind)]


def test_what_is_not_taken_is_counted(pacs: FakePacs) -> None:
    """Each series and each image once, by why."""

    def instead(path: Sequence[str], params: Params) -> Answer | None:
        if params.get("offset") != "0":
            return None
        if path == ["studies", "1.10", "series"]:
            return results([series(modality="CT")])
        if path == ["studies", "1.2", "series", "1.2.1", "instances"]:
            knee = {"00180015": {"vr": "CS", "Value": ["KNEE"]}}
            return results([named("00080018", "1.4") | knee, named("00080018", "1.30")])
        return None

    pacs.instead = instead
    skipped = Skipped()
    assert paths(pacs, skipped) == ["1.2/1.2.1/1.30.dcm"]
    assert skipped.counts == {"other-modality": 1, "other-body-part": 1}


def test_a_certificate_is_always_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of a site's own authority is taken where the environment names it."""
    certificate, key = made_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with serving(FakePacs(TREE), tls) as pacs:
        with pytest.raises(UsageError, match="REQUESTS_CA_BUNDLE"):
            storage(pacs).stat(pacs.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
        with pytest.raises(UsageError, match="REQUESTS_CA_BUNDLE"):
            storage(pacs).stat(pacs.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert storage(pacs).stat(pacs.url).kind is Kind.FOLDER
