"""Coverage-guided fuzzing of the decoders' seam; atheris is installed by hand.

``pip install atheris`` (Linux, clang's libFuzzer inside), then
``python tests/promises/fuzz/decode_atheris.py corpus samples -max_total_time=600``: what is new
goes into ``corpus``, a folder of one's own. Any error that is no ImageError, a crash or 30 seconds
stop it.
"""

import contextlib
import sys

import atheris

with atheris.instrument_imports(include=["cxr_edge", "pydicom"]):
    from cxr_edge.errors import ImageError
    from cxr_edge.imaging.decode import decode
    from cxr_edge.spec.input_spec import InputSpec


def decode_one(data: bytes) -> None:
    """Decode as a scan does; whatever the bytes are, an image or an ImageError comes of them."""
    with contextlib.suppress(ImageError):
        decode(data, InputSpec(224, 224))


if __name__ == "__main__":
    atheris.Setup([*sys.argv, "-timeout=30", "-rss_limit_mb=4096"], decode_one)
    atheris.Fuzz()
