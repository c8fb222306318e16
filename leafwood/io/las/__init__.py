"""LAS, LAZ and COPC: how their bytes are laid out, read, and written again with labels and nothing else changed.

Everything that knows about header fields, records and Extra Bytes lives here.
"""
