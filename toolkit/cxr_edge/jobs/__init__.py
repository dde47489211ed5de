"""Long work that is resumed."""
