"""Files in and out: a reader and a writer for each format, and the rules by which a file is refused.

A new file format is a new module here. Nothing in this folder imports torch.
"""
