"""Whether an exported artefact decides as its source does."""
