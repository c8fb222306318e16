"""What class imbalance does to a data set and to a model: the taxonomy of imbalance and SELI's geometry.

These modules measure; they change nothing in training.
"""

from leafwood.errors import require

require("torch", "training or diagnosing")
require("sklearn", "training or diagnosing")
