"""A plot in the pieces that a survey comes in."""

import laspy
import numpy as np
import pytest


@pytest.fixture(scope="session")
def plot(shared_data):
    """A real scan of a plot, 27 x 26 m."""
    return shared_data / "scans" / "UAS_Clip.laz"


@pytest.fixture(scope="session")
def halves(plot, tmp_path_factory):
    """The plot cut in two, and which of its points lie in the first."""
    folder = tmp_path_factory.mktemp("halves")
    las = laspy.read(plot)
    x = np.asarray(las.x)
    west = x < np.median(x)
    for name, inside in (("west", west), ("east", ~west)):
        laspy.LasData(las.header, las.points[inside]).write(folder / f"{name}.laz")
    return folder / "west.laz", folder / "east.laz", west


@pytest.fixture(scope="session")
def small_halves(halves, tmp_path_factory):
    """The same with every third point."""
    folder, made = tmp_path_factory.mktemp("small"), []
    for half in halves[:2]:
        las = laspy.read(half)
        las.points = las.points[np.arange(0, len(las), 3)]
        las.write(folder / half.name)
        made.append(folder / half.name)
    return made
