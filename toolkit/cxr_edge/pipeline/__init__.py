"""From files to outcomes: predictions and failures."""
