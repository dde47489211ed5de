"""Bytes to a gray image, and a gray image to model input."""
