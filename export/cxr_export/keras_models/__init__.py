"""Keras models and SavedModels, opened safely."""

from cxr_edge.training.backend import check_backend

check_backend()  # before Keras is loaded, which would fail on its own
