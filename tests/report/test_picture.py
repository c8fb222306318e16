"""Pictures: the right colours in the right places, at the right size."""

import numpy as np
import pytest

from leafwood.classes import OUT_LEAF, OUT_NONE, OUT_WOOD
from leafwood.report.palette import LABELS, THEMES
from leafwood.report.picture import draw_labels
from leafwood.report.views import Panel, render_view

COLOURS = LABELS.colours(dark=True)
BLACK = THEMES["dark"].background


def near_colour(picture, colour, within=70):
    """Pixels whose hue is a theme colour, however shaded."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)
    pixels = picture.astype(float)
    bright = pixels.max(axis=-1, keepdims=True)
    scaled = pixels / np.maximum(bright, 1) * wanted.max()
    return (np.abs(scaled - wanted).sum(axis=-1) < within) & (bright[..., 0] > 60)


@pytest.fixture
def tree():
    """A brown stem under a green crown on grey ground."""
    rng = np.random.default_rng(0)
    stem = np.column_stack([rng.normal(0, 0.05, (3000, 2)), rng.random(3000) * 6])
    crown = rng.normal(0, 0.7, (6000, 3)) + np.array([0, 0, 8])
    ground = np.column_stack([rng.random((4000, 2)) * 6 - 3, np.zeros(4000)])
    return np.vstack([stem, crown, ground]).astype(np.float32), np.repeat([2, 1, 0], [3000, 6000, 4000])


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("width", [600, 1600])
def test_colours_and_size(tree, theme, width):
    picture = draw_labels(*tree, width=width, title="A tree", theme=theme)
    assert picture.shape[1] == width
    assert picture.dtype == np.uint8
    for colour in LABELS.colours(dark=theme.dark).values():
        assert near_colour(picture, colour).mean() > 0.001
    corner = [int(theme.background[i : i + 2], 16) for i in (1, 3, 5)]
    assert picture[0, 0].tolist() == corner


def test_crown_above_stem_above_ground(tree):
    xyz, labels = tree
    panel = Panel("", xyz[:, 0], xyz[:, 2], xyz[:, 1], labels)
    view = (render_view(panel, (300, 520), 50.0, (-3.0, 0.0), BLACK, COLOURS) * 255).astype(np.uint8)
    rows = {code: np.nonzero(near_colour(view, colour))[0] for code, colour in COLOURS.items()}
    assert np.median(rows[OUT_LEAF]) < np.median(rows[OUT_WOOD]) < np.median(rows[OUT_NONE])


def test_the_nearer_point_hides_the_farther():
    at = np.zeros(2)
    leaf, wood = COLOURS[OUT_LEAF], COLOURS[OUT_WOOD]
    for away, seen in (([1.0, 2.0], leaf), ([2.0, 1.0], wood)):
        panel = Panel("", at, at, np.array(away), np.array([1, 2]))
        view = (render_view(panel, (8, 8), 1.0, (-4.0, -4.0), BLACK, COLOURS) * 255).astype(np.uint8)
        hidden = wood if seen == leaf else leaf
        assert near_colour(view, seen).any()
        assert not near_colour(view, hidden).any()


def test_a_section_leaves_out_what_lies_before_it(tree):
    xyz, labels = tree
    rng = np.random.default_rng(1)
    curtain = np.column_stack([rng.random(60_000) * 6 - 3, np.full(60_000, -9.0), rng.random(60_000) * 10])
    both, kinds = np.vstack([xyz, curtain]), np.r_[labels, np.ones(60_000, dtype=int)]
    wood = COLOURS[OUT_WOOD]
    whole, section = draw_labels(both, kinds, width=700), draw_labels(both, kinds, width=700, section=10)
    side = slice(None, 233)
    assert near_colour(section[:, side], wood).sum() > 3 * near_colour(whole[:, side], wood).sum()


@pytest.mark.parametrize("stretch", [[40, 1, 1], [1, 40, 1], [0.01, 0.01, 1], [0, 0, 0]])
def test_odd_shapes_fit_the_sheet(tree, stretch):
    xyz, labels = tree
    picture = draw_labels(xyz * np.array(stretch), labels, width=800)
    assert picture.shape[1] == 800
    assert 100 < picture.shape[0] < 2000
    assert near_colour(picture, COLOURS[OUT_LEAF]).any()
