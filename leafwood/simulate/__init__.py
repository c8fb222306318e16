"""Virtual lidar surveys with exact labels: trees are grown, planted in stands and scanned by virtual instruments.

Nothing in the package imports this folder but its command.
"""
