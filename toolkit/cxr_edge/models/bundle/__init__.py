"""A model with all that a machine without internet needs: its files, check and installer."""
