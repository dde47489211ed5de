"""Pixels to outputs, by one inference library each."""
