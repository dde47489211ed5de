"""Artefacts of fewer bits."""
