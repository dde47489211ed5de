"""Files and folders: reading, writing, listing and locking."""
