"""The training methods that a configuration can choose from: what happens in one optimiser step, and before the first.

A new method is a new module with a subclass of :class:`~leafwood.train.steps.Method` that has a `kind` of its own, and
its name in :data:`AnyMethod`.
"""

from __future__ import annotations

from leafwood.train.deblora import DebloraConfig
from leafwood.train.distil import DistilMethod
from leafwood.train.joint import JointConfig
from leafwood.train.lora import LoraMethod
from leafwood.train.meta_weight import MetaWeightConfig
from leafwood.train.pretext import PretextConfig
from leafwood.train.sam import SAMConfig
from leafwood.train.steps import PlainMethod

__all__ = ["AnyMethod"]

AnyMethod = (
    PlainMethod | SAMConfig | MetaWeightConfig | LoraMethod | DebloraConfig | PretextConfig | JointConfig | DistilMethod
)
