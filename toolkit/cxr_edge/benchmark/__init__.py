"""Measurement of how fast images become rows on this machine."""
