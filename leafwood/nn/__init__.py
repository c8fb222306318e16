"""Graph networks, as they are trained (torch) and as they label (NumPy). Nothing here touches files.

A new network is a new module here and a line in :mod:`leafwood.models`.
"""
