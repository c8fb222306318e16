"""Where points are: Morton order, nearest neighbours, voxels, tiles, terrain surfaces and ground points.

Nothing here knows what leaf and wood are.
"""
