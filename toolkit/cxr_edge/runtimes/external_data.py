"""Search for weights that an ONNX model keeps in other files, without an ONNX library."""

from collections.abc import Iterator, Mapping
from typing import Final

from cxr_edge.errors import ModelInvalid

# Where tensors can stand: field numbers of onnx.proto3, by message.
_INSIDE: Final[Mapping[str, Mapping[int, str]]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "external"},
}
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5


def has_external_data(data: bytes, source: str) -> bool:
    """Tell whether any tensor of a model keeps its data in another file.

    Parameters
    ----------
    data
        All bytes of the ``.onnx`` file.
    source
        File, for messages.

    Raises
    ------
    ModelInvalid
        The bytes are no ONNX model.
    """
    try:
        return _search(memoryview(data), "model")
    except (IndexError, ValueError, RecursionError) as exc:
        raise ModelInvalid(
            f"{source}: expected an ONNX model, got bytes that are none ({exc}); "
            "export it or copy it again"
        ) from exc


def external_data(source: str) -> ModelInvalid:
    """Return the error for such a model, worded the same for every runtime."""
    return ModelInvalid(
        f"{source}: expected all weights in one file, got a model that keeps some in another, "
        "which is not followed; save it as one file: onnx.save(onnx.load(path), 'one.onnx')"
    )


def _search(message: memoryview, kind: str) -> bool:
    inside = _INSIDE[kind]
    for number, content in _fields(message):
        found = inside.get(number)
        if found == "external" or (found and _search(content, found)):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield number and bytes of each field that has a length; the others are skipped."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            _, at = _varint(message, at)
        elif kind == _LENGTH:
            length, at = _varint(message, at)
            at += length
            if at > len(message):
                raise ValueError("a field ends behind the file's end")
            yield key >> 3, message[at - length : at]
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"wire type {kind}")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a number and where what follows it begins."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
