"""The commands `export`, `verify` and `explain`."""
