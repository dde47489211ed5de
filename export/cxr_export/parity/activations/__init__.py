"""What each layer of a model gives."""
