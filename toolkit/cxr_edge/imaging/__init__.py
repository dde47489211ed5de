"""From bytes to a gray image, and from there to a model's input."""
