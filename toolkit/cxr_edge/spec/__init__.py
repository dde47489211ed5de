"""The spec of a model: its input, labels, thresholds and origin."""
