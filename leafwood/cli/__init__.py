"""The command line, one file per command.

Only the module of the command that is called is imported.
"""
