"""Models: from a name or path to a model that is opened."""
