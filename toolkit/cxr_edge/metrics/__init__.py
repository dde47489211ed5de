"""The figures of a classifier, with their intervals."""
