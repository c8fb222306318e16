"""What class imbalance does to a data set and to a model: the taxonomy of imbalance and SELI's geometry.

These modules measure; they change nothing in training.
"""
