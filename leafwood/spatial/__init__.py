"""Where points are: Morton order, neighbours, voxels, tiles."""
