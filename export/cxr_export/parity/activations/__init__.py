"""Outputs of each layer of a model."""
