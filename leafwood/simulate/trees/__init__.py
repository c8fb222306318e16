"""Virtual trees: species, skeletons, foliage, meshes, and real trees made of surfels.

A tree knows nothing of the stand it will be planted in.
"""
