"""From points to the multi-resolution graph that the network reads, and the input features of its nodes.

A new input channel is a new group of columns in :mod:`leafwood.graph.features`.
"""
