"""Model packages: artefacts, card and golden set."""
