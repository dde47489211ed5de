#!/bin/sh
# Proves an x86-64 bundle: makes one, installs it without a network, and scans the samples there.
#     scripts/x86_bundle.sh [FOLDER]
# FOLDER, build/x86-bundle by default, keeps what is made. It needs an x86-64 Linux with `unshare`,
# and this project's `cxr`, with the extra `bundle`, and `python` on the PATH.
set -eu
project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
work=${1:-$project/build/x86-bundle}
mkdir -p "$work/home"
work=$(CDPATH='' cd -- "$work" && pwd)
PYTHON=$(python -c 'import os, sys; print(os.path.realpath(sys.executable))')
. "$project/scripts/proof.sh"

cxr bundle keygen -o "$work/site.key" --overwrite
version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
cxr bundle default -o "$work/bundle" --platform linux-x86_64 --python "$version" \
    --runtimes onnx,litert --sign "$work/site.key" --constraints "$project/constraints.txt" --overwrite
cxr verify "$work/bundle" --key "$work/site.key.pub"

require_no_network
rm -rf "$work/installed" "$work"/report.*
no_network sh "$work/bundle/install.sh" --to "$work/installed" --key "$work/site.key.pub"
no_network "$work/installed/venv/bin/cxr" verify "$work/bundle" --key "$work/site.key.pub"
with_bad_samples no_network "$work/installed/venv/bin/cxr" scan "$project/samples" \
    --model "$work/installed/model" --out "$work/report.csv"
python "$project/scripts/installed_size.py" "$work/installed"
