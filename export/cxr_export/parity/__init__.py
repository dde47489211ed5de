"""Comparison of exported artefacts with their Keras model."""
