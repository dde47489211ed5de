"""Extras: the modules that each brings, and how to install it."""
