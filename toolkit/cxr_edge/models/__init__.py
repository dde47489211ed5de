"""A model's name or path to an opened model."""
