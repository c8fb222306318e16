"""Files in and out. Never imports torch."""
