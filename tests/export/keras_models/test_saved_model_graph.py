"""SavedModels from elsewhere: what only computes is run, whatever does more is refused by name."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from cxr_edge.errors import ModelInvalid
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_export.keras_models.graph_operations import COMPUTING
from cxr_export.keras_models.saved_model import SavedModelRuntime
from cxr_export.keras_models.saved_model_graph import check_saved_model

SIGNATURE = [tf.TensorSpec((None, 8, 6, 1), tf.uint8, name="image")]
SPEC = ModelSpec(
    "tiny", ("NORMAL", "PNEUMONIA"), InputSpec(8, 6), (OperatingPoint("study", 0.5),), "study"
)
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 8, 6, 1), np.uint8)


def mean(image: tf.Tensor) -> tf.Tensor:
    """Return the mean gray value, 0 to 1: an answer that looks like a probability."""
    return tf.reduce_mean(tf.cast(image, tf.float32), axis=[1, 2, 3]) / 255


class Made(tf.Module):
    """A network that does something beside giving its answer."""

    def __init__(self, act: Callable[[Path], Any], out: Path) -> None:
        super().__init__()
        self.act, self.out = act, out
        self.weight = tf.Variable(1.0)

    @tf.function(input_signature=SIGNATURE)
    def serve(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        self.act(self.out)
        return {"probability": mean(image) * self.weight}


def saved(folder: Path, act: Callable[[Path], Any] = lambda out: None) -> Path:
    """Save a network that acts when it is called."""
    module = Made(act, folder / "out")
    path = folder / "model"
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})
    return path


def prints_to_a_file(out: Path) -> None:
    tf.print("text", output_stream=f"file://{out}")


def saves_a_checkpoint(out: Path) -> None:
    tf.raw_ops.SaveV2(
        prefix=str(out), tensor_names=["a"], shape_and_slices=[""], tensors=[tf.constant(1.0)]
    )


def reads_lines(out: Path) -> None:
    for lines in tf.data.TextLineDataset("/etc/hostname").batch(9).take(1):
        tf.print(lines, output_stream=f"file://{out}")


def reads_a_whole_file(_: Path) -> None:
    reader = tf.raw_ops.WholeFileReaderV2(container="", shared_name="")
    queue = tf.raw_ops.FIFOQueueV2(
        component_types=[tf.string], shapes=[[]], capacity=4, container="", shared_name=""
    )
    tf.raw_ops.QueueEnqueueV2(handle=queue, components=[tf.constant("/etc/hostname")])
    tf.raw_ops.ReaderReadV2(reader_handle=reader, queue_handle=queue)


def writes_events(out: Path) -> None:
    writer = tf.raw_ops.SummaryWriter(shared_name="a", container="")
    tf.raw_ops.CreateSummaryFileWriter(
        writer=writer, logdir=str(out), max_queue=1, flush_millis=1, filename_suffix=".x"
    )


def reads_a_file(_: Path) -> None:
    tf.io.read_file("/etc/hostname")


def restores_from_elsewhere(out: Path) -> None:
    tf.raw_ops.RestoreV2(
        prefix=str(out), tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32]
    )


def calls_python(_: Path) -> None:
    tf.py_function(lambda: 1.0, [], tf.float32)


def hides_in_a_branch(out: Path) -> None:
    tf.cond(tf.constant(value=True), lambda: tf.io.write_file(str(out), "text"), tf.no_op)


def hides_in_a_loop(out: Path) -> None:
    def body(count: tf.Tensor) -> tuple[tf.Tensor]:
        tf.io.write_file(str(out), "text")
        return (count + 1,)

    tf.while_loop(lambda count: count < 1, body, [tf.constant(0)])


ACTS: dict[Callable[[Path], Any], str] = {
    prints_to_a_file: "PrintV2",
    saves_a_checkpoint: "SaveV2",
    reads_lines: "TextLineDataset",
    reads_a_whole_file: "WholeFileReaderV2",
    writes_events: "CreateSummaryFileWriter",
    reads_a_file: "ReadFile",
    restores_from_elsewhere: "RestoreV2",
    calls_python: "EagerPyFunc",
    hides_in_a_branch: "WriteFile",
    hides_in_a_loop: "WriteFile",
}


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_a_graph_that_does_more_than_compute_is_not_run(
    act: Callable[[Path], Any], tmp_path: Path
) -> None:
    """The message names the operation, and nothing was written."""
    path = saved(tmp_path, act)
    with pytest.raises(ModelInvalid, match=f"only computes, got .*{ACTS[act]}.* it is not run"):
        SavedModelRuntime(path, SPEC)
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_graph_that_computes_is_run(tmp_path: Path) -> None:
    """The functions that save and restore its variables are no reason to refuse it."""
    expected = PIXELS.astype(np.float32).mean(axis=(1, 2, 3)) / 255
    scores = SavedModelRuntime(saved(tmp_path), SPEC).run(PIXELS).scores
    np.testing.assert_allclose(scores, expected, atol=1e-6)


class Table(tf.Module):
    """A network with a table that TensorFlow fills from a file as it loads the network."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        filled = tf.lookup.TextFileInitializer(
            str(file), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER,
        )  # fmt: skip
        self.table = tf.lookup.StaticHashTable(filled, -1)

    @tf.function(input_signature=SIGNATURE)
    def serve(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probability": mean(image)}


def test_objects_that_run_code_as_they_are_loaded_are_refused(tmp_path: Path) -> None:
    """The signature is harmless; the table would be filled before it is ever called."""
    (tmp_path / "words").write_text("a\nb\n")
    module, path = Table(tmp_path / "words"), tmp_path / "model"
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})
    with pytest.raises(ModelInvalid, match=r"run code when they are loaded \(asset, resource\)"):
        SavedModelRuntime(path, SPEC)


def change(path: Path, edit: Callable[[Any], None]) -> None:
    """Edit the only graph of a SavedModel."""
    model = saved_model_pb2.SavedModel()
    model.ParseFromString((path / "saved_model.pb").read_bytes())
    edit(model.meta_graphs[0])
    (path / "saved_model.pb").write_bytes(model.SerializeToString())


def call_the_saver(graph: Any) -> None:
    """Make the function that saves variables the one that the signature calls."""
    library = graph.graph_def.library.function
    name = next(f.signature.name for f in library if "traced_save" in f.signature.name)
    for node in graph.object_graph_def.nodes:
        if node.WhichOneof("kind") == "bare_concrete_function":
            node.bare_concrete_function.concrete_function_name = name


def offer_another(graph: Any) -> None:
    """Add a function that TensorFlow may take in place of the one that is called."""
    library = graph.graph_def.library.function
    served = next(f for f in library if f.signature.name.startswith("__inference_serve"))
    served.attr["api_implements"].s = b"same"
    other = copy.deepcopy(served)
    other.signature.name = "__other"
    other.node_def.add(name="print", op="PrintV2")
    library.append(other)


def run_as_it_is_restored(graph: Any) -> None:
    """Name a function that restores a variable, which TensorFlow would call at load."""
    node = next(n for n in graph.object_graph_def.nodes if n.WhichOneof("kind") == "variable")
    node.saveable_objects["VARIABLE_VALUE"].restore_function = 1


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (call_the_saver, "SaveV2"),
        (offer_another, "PrintV2"),
        (run_as_it_is_restored, r"run code when they are loaded \(variable\)"),
        (lambda graph: graph.ClearField("object_graph_def"), "saved by TensorFlow 2"),
        (lambda graph: graph.graph_def.library.ClearField("function"), "got __inference"),
        (lambda graph: graph.object_graph_def.nodes[0].ClearField("children"), "got none"),
    ],
)
def test_an_edited_graph_is_refused(
    edit: Callable[[Any], None], message: str, tmp_path: Path
) -> None:
    """The check looks at all that TensorFlow would run, not at what an honest exporter writes."""
    path = saved(tmp_path)
    assert check_saved_model(path) == "serving_default"
    change(path, edit)
    with pytest.raises(ModelInvalid, match=message):
        check_saved_model(path)


def test_only_operations_of_tensorflow_are_listed() -> None:
    """A misspelt name would refuse ordinary networks."""
    assert [name for name in sorted(COMPUTING) if op_def_registry.get(name) is None] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetB0", "ResNet50", "DenseNet121"])
def test_networks_of_keras_pass(name: str, tmp_path: Path) -> None:
    """Keras itself exported them."""
    model = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=2)
    model.export(tmp_path / "model", verbose=False)
    assert check_saved_model(tmp_path / "model") == "serving_default"
