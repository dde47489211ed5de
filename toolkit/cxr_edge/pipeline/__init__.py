"""Files to outcomes."""
