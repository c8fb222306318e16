"""Training: the loop, what it is told, what it reads, one optimiser step, and the methods that change that step.

A new training method is a new module here with a line in its registry.
"""
