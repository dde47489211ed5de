"""Figures of a classifier, with their intervals."""
