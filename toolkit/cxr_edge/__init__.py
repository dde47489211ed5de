"""Screen folders of chest X-rays for pneumonia. Research use, not a diagnosis.

Importing this package is cheap: it loads nothing but the standard library's ``os``.
"""

import os

__version__ = "0.2.0"

# onnxruntime on Linux writes a device's number and a queue of events into the user's cache folder,
# and sends them, unless this is set before it is loaded. Nobody asked for that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
