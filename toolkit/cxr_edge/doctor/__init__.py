"""What this machine can do, and what a folder holds, found out before anything is scanned."""
