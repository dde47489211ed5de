"""What a model expects and means."""
