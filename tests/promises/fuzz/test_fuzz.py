"""Mutated images, a bounded number of them, the same at each run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import SAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st
from mutate import read_seeds
from mutations import mutate

from cxr_edge.errors import ImageError
from cxr_edge.imaging.decode import decode
from cxr_edge.pipeline.prepare import Pixels, prepare
from cxr_edge.spec.input_spec import InputSpec

pytestmark = pytest.mark.filterwarnings(
    "ignore"
)  # as dicom.py asks; pytest's own "error" undoes it

SEEDS = [data for _, data in read_seeds([SAMPLES], 1 << 20)]
SPEC = InputSpec(32, 32)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(st.sampled_from(SEEDS), st.integers(0, 1 << 32))
def test_a_mutated_sample_is_an_image_or_a_reason(data: bytes, seed: int) -> None:
    """Whatever is done to it, no other error than those of the tree comes out of the decoders."""
    try:
        image = decode(mutate(data, SEEDS, str(seed)), SPEC)
    except ImageError:
        return
    assert image.pixels.size


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"BM",
                        bytes(128) + b"DICM", b""]), st.binary(max_size=400))  # fmt: skip
def test_anything_behind_a_signature_is_a_reason(magic: bytes, rest: bytes) -> None:
    """A few hundred bytes are no image, and never an unforeseen error."""
    with pytest.raises(ImageError):
        decode(magic + rest, SPEC)


@pytest.mark.data
def test_mutated_dicom_is_an_image_or_a_reason(real_data: Path, tmp_path: Path) -> None:
    """One mutated copy of each small DICOM file there is: none fails in an unforeseen way."""
    seeds = read_seeds([real_data / "dicom"], 200_000)
    others = [data for _, data in seeds]
    path = tmp_path / "image.dcm"
    for name, data in seeds:
        path.write_bytes(mutate(data, others, name))
        content = prepare(path, SPEC).content
        assert isinstance(content, Pixels) or content.reason != "decoder-crash", (name, content)


def test_a_copy_is_always_the_same() -> None:
    """A number is enough to make again what was found."""
    copies = [mutate(SEEDS[0], SEEDS, seed) for seed in ("1/7", "1/7", "1/8")]
    assert copies[0] == copies[1] != copies[2]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_command_scans_as_many_as_it_makes() -> None:
    """Through a whole scan: as many rows as files, and nothing found."""
    script = Path(__file__).with_name("mutate.py")
    words = [sys.executable, script, "--count", "40", "--seed", "1", "--from", SAMPLES]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "40 mutated files, 40 rows" in done.stdout
    assert "0 findings" in done.stdout
