"""Keras models and SavedModels, opened safely."""
