"""Headings under which ``--help`` groups the options of every command."""

from typing import Final

INPUT: Final = "Input"
"""Which files, and which of them."""

MODEL: Final = "Model"
"""Which model, threshold, runtime and device."""

OUTPUT: Final = "Output"
"""Where results go, and what is printed."""

SAFETY: Final = "Safety"
"""Limits, gates and checks."""

SPEED: Final = "Speed"
"""Batches, workers and threads."""

TRAINING: Final = "Training"
"""The network and how it is fitted."""

NETWORK: Final = "Network"
"""Who speaks with this machine, and how."""
