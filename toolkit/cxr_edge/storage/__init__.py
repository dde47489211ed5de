"""Reading and writing bytes safely."""
