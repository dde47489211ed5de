"""Figures of a model on labelled images; needs the extra ``evaluate``."""
