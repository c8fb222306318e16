"""Short trainings beside one another: all read the same prepared crops equally often and are scored on the same pieces.

A comparison is a folder with its crops and a `results.csv`, to which runs are added and from which tables are made.
"""
