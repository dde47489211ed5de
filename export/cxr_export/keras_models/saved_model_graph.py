"""The graph of a SavedModel, checked before TensorFlow loads it.

TensorFlow runs what a SavedModel says: at load its resources (tables, for example), at a call the
function of the signature with all that it calls. So a graph is refused unless loading it runs no
function, and its signature reaches only operations that compute. The functions that save and
restore variables are in every SavedModel; they are not called, since TensorFlow restores variables
by itself.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from cxr_edge.errors import ModelInvalid
from cxr_edge.models.git_lfs import refuse_pointer
from cxr_edge.spec.embedding import SAVED_MODEL
from cxr_edge.system.printable import first_names
from cxr_export.keras_models.graph_operations import COMPUTING

SIGNATURE: Final = "serving_default"
"""Name of the signature that is run; of a SavedModel with one signature, that one is run."""

_FUNCTION: Final = "bare_concrete_function"
_PASSIVE: Final = frozenset({
    "user_object", "function", _FUNCTION, "variable", "constant", "captured_tensor",
})  # fmt: skip
"""Kinds of objects that TensorFlow restores without running a function of the file."""

_IMPLEMENTS: Final = "api_implements"
"""Attribute of functions that TensorFlow may take in place of one another."""


def check_saved_model(path: Path) -> str:
    """Check that loading and calling a SavedModel only computes.

    Parameters
    ----------
    path
        The folder.

    Returns
    -------
    str
        The signature to call.

    Raises
    ------
    ModelInvalid
        The folder holds Git LFS pointers, no graph that can be read, a graph of TensorFlow 1, no
        signature to call, or a graph that does more than compute.
    """
    for file in (path / SAVED_MODEL, *sorted(path.glob("variables/*"))):
        with file.open("rb") as stream:
            refuse_pointer(stream.read(128), str(file))
    graph = _read(path)
    strange = {
        kind
        for node in graph.object_graph_def.nodes
        if (kind := node.WhichOneof("kind") or "nothing") not in _PASSIVE
        or node.saveable_objects
        or node.registered_saver
    }
    if strange:
        raise ModelInvalid(
            f"{path}: expected a SavedModel of variables and functions, got objects that run code "
            f"when they are loaded ({first_names(sorted(strange))}); it is not loaded"
        )
    name, function = _signature(path, graph)
    if reaching := sorted(_operations(graph, function) - COMPUTING):
        raise ModelInvalid(
            f"{path}: expected a graph that only computes, got {first_names(reaching)} in it; "
            "it is not run: save the network without, or as model.keras"
        )
    return name


def _read(path: Path) -> Any:  # Any: protobuf has no types here
    """Return the only graph of a SavedModel, with the objects that TensorFlow 2 saves with it."""
    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString((path / SAVED_MODEL).read_bytes())
    except DecodeError as exc:
        raise ModelInvalid(
            f"{path / SAVED_MODEL}: expected a TensorFlow graph, got something else or half of "
            "one; copy the folder again"
        ) from exc
    graphs = model.meta_graphs
    if len(graphs) != 1 or not graphs[0].HasField("object_graph_def"):
        raise ModelInvalid(
            f"{path}: expected one graph, saved by TensorFlow 2, got {len(graphs)} or one of "
            "TensorFlow 1; load it with TensorFlow 2 where it was made and save it again"
        )
    return graphs[0]


def _signature(path: Path, graph: Any) -> tuple[str, str]:
    """Return the name of the signature to call, and of its function."""
    nodes = graph.object_graph_def.nodes
    children = {child.local_name: nodes[child.node_id] for child in nodes[0].children}
    listed = children["signatures"].children if "signatures" in children else ()
    names = {child.local_name: nodes[child.node_id] for child in listed}
    if SIGNATURE not in names and len(names) != 1:
        got = first_names(sorted(names)) or "none"
        raise ModelInvalid(
            f"{path}: expected the signature {SIGNATURE}, got {got}; "
            "save it with model.export('folder')"
        )
    name = SIGNATURE if SIGNATURE in names else next(iter(names))
    if names[name].WhichOneof("kind") != _FUNCTION:
        raise ModelInvalid(f"{path}: expected a function as signature {name}; save it again")
    return name, names[name].bare_concrete_function.concrete_function_name


def _operations(graph: Any, start: str) -> set[str]:
    """Return the operations that a function reaches by calls, at any depth."""
    library = {function.signature.name: function for function in graph.graph_def.library.function}
    found: set[str] = set()
    reached, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        if name not in library:
            found.add(name)  # an operation; a function that is missing is no known one either
            continue
        function = library[name]
        waiting += _same_interface(function, library.values())
        for node in function.node_def:
            waiting.append(node.op)
            waiting += _called(node)
    return found


def _called(node: Any) -> Iterator[str]:
    """Yield the functions that a node names in its attributes."""
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (function.name for function in value.list.func)


def _same_interface(function: Any, others: Iterable[Any]) -> list[str]:
    """Return the functions that TensorFlow may run in place of this one."""
    wanted = function.attr[_IMPLEMENTS].s if _IMPLEMENTS in function.attr else b""
    return [
        other.signature.name
        for other in others
        if wanted and _IMPLEMENTS in other.attr and other.attr[_IMPLEMENTS].s == wanted
    ]
