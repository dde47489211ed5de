"""What a model's probabilities are worth on labelled images; needs the extra ``evaluate``."""
