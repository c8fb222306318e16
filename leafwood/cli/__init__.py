"""The command line, one file per command; only the module of the command that is called is imported."""
