"""Processes whose crash costs one row."""
