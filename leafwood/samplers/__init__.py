"""Samplers say where to look in a cloud: one point a voxel, a share that respects the vertical decay, geodesic pieces.

Readers read what is there; samplers only return positions and weights.
"""
