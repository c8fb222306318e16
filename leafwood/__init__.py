"""Leaf/wood segmentation of forest lidar."""

from leafwood._version import __version__

__all__ = ["__version__"]
