"""Largest |Δp| between batch sizes on this CPU, model by model: what the gate has to allow.

    python bench/batches.py DATA MODEL ... [--images 70]

Prints the table of docs/parity.md.

For a package, every artefact and model.keras are run. Keras computes with the instructions that
ONEDNN_MAX_CPU_ISA (SSE41, AVX2, AVX512_CORE) and TF_ENABLE_ONEDNN_OPTS (0, 1) leave to it;
onnxruntime and LiteRT choose theirs by the CPU alone.
"""

import argparse


def main() -> None:
    """Print one line per model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="images: a folder, a manifest or a file")
    parser.add_argument("models", nargs="+", metavar="model", help="files or packages")
    parser.add_argument("--images", type=int, default=70, help="use at most this many")
    options = parser.parse_args()
    from cxr_export.parity.scoring import BATCH_SIZES, batch_differences
    from cxr_export.testing.inputs import images_from, open_candidates, open_one, with_channels

    print(f"{'batches of 1 and':40}" + "".join(f"{size:>10}" for size in BATCH_SIZES[1:]))
    for model in options.models:
        spec = open_one(model, None, "model").spec
        pixels = images_from(options.data, spec, options.images).pixels
        for name, runtime in open_candidates(model, None, "", spec):
            found = batch_differences(runtime, with_channels(pixels, runtime.spec.input.channels))
            print(f"{name:40}" + "".join(f"{difference:10.1e}" for difference in found.values()))


if __name__ == "__main__":
    main()
