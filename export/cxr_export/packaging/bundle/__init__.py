"""Making bundles: a model, its runtime's wheels and an installer for a machine without internet."""
