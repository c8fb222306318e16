"""Training: the loop, its configuration, its data, one optimiser step, and the methods that change that step.

A new training method is a new module here with a line in its registry.
"""

from leafwood.errors import require

require("torch", "training")
require("torch_geometric", "training")
