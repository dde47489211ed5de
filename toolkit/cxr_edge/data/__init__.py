"""Labelled films: where they are, whose they are, what is wrong with them."""
