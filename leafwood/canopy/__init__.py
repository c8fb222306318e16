"""Leaf and wood area by height from labelled scans, as profiles, grids and their files.

It turns the pulses that :mod:`leafwood.density` counts into area.
"""
