"""Keras models to ONNX and TFLite."""
