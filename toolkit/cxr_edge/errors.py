"""Every error that cxr-edge raises on purpose, as one tree.

::

    CxrError                          exit 1
    ├── UsageError                    exit 2   the command was asked for something impossible
    ├── MissingExtra                  exit 1   an optional dependency is not installed
    ├── DataError                     exit 1   a training or validation folder cannot be used
    ├── ReportError                   exit 1   a report cannot be written or continued
    │   └── FolderGone                         a folder that is read is not there any more
    ├── BundleError                   exit 1   a bundle was changed, or cannot be made or installed
    ├── MachineError                  exit 1   the machine lacks what every file needs
    ├── ParityError                   exit 4   an artefact does not decide as the original does
    ├── SelfTestFailed                exit 4   results differ from those recorded at export
    ├── ModelError                    exit 1
    │   ├── ModelInvalid                       the file is not a model, is damaged, or lies
    │   ├── SpecMissing                        the model does not say what it expects
    │   ├── SpecInvalid                        a spec that contradicts itself or is malformed
    │   ├── SpecUnknown                        a spec or recipe newer than this version
    │   └── RuntimeUnavailable                 no installed runtime can run it as asked
    └── ImageError                    one failed row; ``reason`` is what the report says
        ├── Unreadable                unreadable
        ├── EmptyFile                 empty-file
        ├── NotAnImage                not-an-image
        ├── Truncated                 truncated
        ├── Corrupt                   corrupt
        ├── TooLarge                  too-large
        ├── UnsupportedFormat         unsupported-format
        ├── UnsupportedCompression    unsupported-compression
        ├── NoPixelData               no-pixel-data
        ├── ConstantImage             constant-image
        ├── DecoderCrash              decoder-crash
        ├── TimedOut                  timeout
        ├── InvalidScore              invalid-score
        └── RefusedInput              input-check

A message says what was expected, what we got, and what to do.
"""

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit code of a ``cxr`` process; the same for all commands."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    SOME_FAILED = 3
    GATE_FAILED = 4
    INTERRUPTED = 130


class CxrError(Exception):
    """Root of the tree; its text is one message for a person."""

    exit_code: ClassVar[ExitCode] = ExitCode.ERROR


class UsageError(CxrError):
    """A path, option or combination of options that cannot work."""

    exit_code = ExitCode.USAGE


class MissingExtra(CxrError):
    """An optional dependency is not installed; made by :func:`cxr_edge.extras.missing_extra`."""


class DataError(CxrError):
    """A folder of labelled images that cannot be trained on or compared with."""


class ReportError(CxrError):
    """A report or run manifest that cannot be written, read or continued."""


class FolderGone(ReportError):
    """A folder that was there and is not any more: disk removed, network down."""


class BundleError(CxrError):
    """A bundle that was changed or is not for this machine, or that cannot be made."""


class MachineError(CxrError):
    """The machine lacks something that every file needs, such as file descriptors."""


class ParityError(CxrError):
    """An exported artefact decides differently from its Keras original."""

    exit_code = ExitCode.GATE_FAILED


class SelfTestFailed(CxrError):
    """Results on this machine differ from those recorded when the package was exported."""

    exit_code = ExitCode.GATE_FAILED


class ModelError(CxrError):
    """Root of everything that is wrong with a model."""


class ModelInvalid(ModelError):
    """The file is not a model, is damaged, or does not fit its own spec."""


class SpecMissing(ModelError):
    """The model carries no spec and none was given."""


class SpecInvalid(ModelError):
    """The spec is malformed or contradicts itself."""


class SpecUnknown(ModelError):
    """The spec has a format version or a preprocessing recipe unknown here."""


class RuntimeUnavailable(ModelError):
    """No installed runtime or provider can run the model as asked."""


class ImageError(CxrError):
    """A file that gets no score; ``reason`` is its stable code in the report."""

    reason: ClassVar[str]


class Unreadable(ImageError):
    """The operating system refuses to hand out the bytes."""

    reason = "unreadable"


class EmptyFile(ImageError):
    """The file has no bytes."""

    reason = "empty-file"


class NotAnImage(ImageError):
    """The bytes are of no image format and not DICOM."""

    reason = "not-an-image"


class Truncated(ImageError):
    """The file ends before its image does."""

    reason = "truncated"


class Corrupt(ImageError):
    """The file is complete by its own account, but cannot be decoded."""

    reason = "corrupt"


class TooLarge(ImageError):
    """The file has more bytes or pixels than the limits allow; nothing was decoded."""

    reason = "too-large"


class UnsupportedFormat(ImageError):
    """The image has a format or pixel type that cannot be read here."""

    reason = "unsupported-format"


class UnsupportedCompression(ImageError):
    """The DICOM transfer syntax cannot be decoded here."""

    reason = "unsupported-compression"


class NoPixelData(ImageError):
    """The DICOM file has no image, or an empty one."""

    reason = "no-pixel-data"


class ConstantImage(ImageError):
    """Every pixel has the same value; there is nothing to classify."""

    reason = "constant-image"


class DecoderCrash(ImageError):
    """The decoder failed in a way that nobody foresaw; the scan goes on."""

    reason = "decoder-crash"


class TimedOut(ImageError):
    """Reading and decoding the file took longer than is allowed."""

    reason = "timeout"


class InvalidScore(ImageError):
    """The model gave a value that is not a probability."""

    reason = "invalid-score"


class RefusedInput(ImageError):
    """The input check says that the image should not be scored, and the scan is to refuse it."""

    reason = "input-check"


def missing_module(exc: ModuleNotFoundError) -> str:
    """Return the top-level module that an import did not find."""
    return (exc.name or "").partition(".")[0]


def _reasons(root: type[ImageError]) -> frozenset[str]:
    return frozenset(kind.reason for kind in root.__subclasses__())


REASONS: frozenset[str] = _reasons(ImageError)
"""The closed list of codes in the report's ``reason`` column."""
