"""Graph networks. Never touches files."""
