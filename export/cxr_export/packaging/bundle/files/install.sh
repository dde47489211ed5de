#!/bin/sh
# Installs cxr-edge from this bundle, without any network:  sh install.sh --help
# It needs Python @PYTHON@, which PYTHON=/path/to/python names where it is not found.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
python=${PYTHON:-$(command -v python@PYTHON@ || command -v python3 || true)}
if ! command -v "${python:-none}" >/dev/null; then
    echo "error: expected Python @PYTHON@, found none${PYTHON:+ at $PYTHON}; install it, or name it" \
        "with PYTHON=..." >&2
    exit 1
fi
exec "$python" -I -B -c '
import sys
wheel = sys.argv[1] + "/wheels/@WHEEL@"
if sys.version_info[:2] != (@MAJOR@, @MINOR@):
    sys.exit("error: expected Python @PYTHON@, got %d.%d; install Python @PYTHON@, name it with "
             "PYTHON=..., or make a bundle with --python %d.%d" % (sys.version_info[:2] * 2))
sys.path.insert(0, wheel)
try:
    from cxr_edge.models.bundle.install import main
except Exception as exc:
    sys.exit("error: %s is missing or was changed (%s); copy the bundle again" % (wheel, exc))
sys.exit(main())
' "$here" "$@"
