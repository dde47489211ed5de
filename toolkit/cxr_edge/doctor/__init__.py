"""Facts about this machine and about a folder, before anything is scanned."""
