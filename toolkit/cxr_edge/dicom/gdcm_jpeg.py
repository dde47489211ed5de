"""JPEG of 12 bits by GDCM, as a decoding plugin of pydicom: the only importer of gdcm.

pydicom keeps GDCM from these films, on account of faults of old versions; yet some of them
decode by nothing else.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any, Final

try:
    import gdcm
except ImportError:
    gdcm = None
else:
    for _off in (gdcm.Trace.DebugOff, gdcm.Trace.WarningOff, gdcm.Trace.ErrorOff):
        _off()

DECODER_DEPENDENCIES: Final = {"1.2.840.10008.1.2.4.51": ("python-gdcm>=3.0.10",)}
"""What pydicom asks a plugin: by transfer syntax, what it needs."""


def is_available(uid: str) -> bool:
    """Tell whether films of a transfer syntax can be decoded here."""
    return gdcm is not None and uid in DECODER_DEPENDENCIES


def decode_frame(frame: bytes, runner: Any) -> bytes:
    """Return the pixels of a frame, little endian, ``bits_allocated`` bits a sample.

    Parameters
    ----------
    frame
        Its compressed bytes, whose size was checked.
    runner
        pydicom's DecodeRunner, which knows the film's attributes.

    Raises
    ------
    ValueError
        GDCM cannot decode it.
    """
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())

    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((runner.columns, runner.rows, 1))
    image.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType(str(runner.photometric_interpretation))
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    syntax = gdcm.TransferSyntax.GetTSType(str.__str__(runner.transfer_syntax))
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    bits = runner.bits_stored
    image.SetPixelFormat(
        gdcm.PixelFormat(
            runner.samples_per_pixel,
            runner.bits_allocated,
            bits,
            bits - 1,
            runner.pixel_representation,
        )
    )
    with _silence():
        text = image.GetBuffer()  # bytes that came as text
    if text is None:
        raise ValueError("GDCM cannot decode the frame")
    return bytes(text.encode("utf-8", "surrogateescape"))


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep from the terminal what the JPEG library inside GDCM writes to standard error.

    It tries 8 bits first and complains. No other Python thread runs while it does.
    """
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
