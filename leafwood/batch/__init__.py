"""Many scans with one command, one after the other or side by side."""
