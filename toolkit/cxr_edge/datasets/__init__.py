"""Labelled images: listing, splits, audit and repair."""
