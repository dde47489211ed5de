"""Machine and process: CPU, memory, versions, signals, printable text."""
