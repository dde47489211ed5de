"""The TensorFlow side of deployment: Keras to ONNX and TFLite, and proof that they agree."""
