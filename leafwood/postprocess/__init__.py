"""What happens between the network's margin and the label: calibration, smoothing, wood share by height, abstention.

How a label is decided is answered in this folder.
"""
