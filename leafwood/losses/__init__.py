"""Losses for rare wood, each family in a file of its own: ``build("gla", class_counts=(974, 26), q=0.3)``.

A loss is an entry of the registry, by whose name configurations ask for it.
"""

from __future__ import annotations

from leafwood.losses.base import Loss, PointLoss
from leafwood.losses.registry import ALIASES, LOSSES, LossConfig, SumLoss, build, build_all

__all__ = ["ALIASES", "LOSSES", "Loss", "LossConfig", "PointLoss", "SumLoss", "build", "build_all"]
