"""What a model's probabilities are worth on labelled films; needs the extra ``evaluate``."""
