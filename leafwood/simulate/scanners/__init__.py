"""Virtual scanners: instruments, the platforms that carry them, and how a beam meets a mesh.

A new scanner is a new entry of :mod:`leafwood.simulate.scanners.instruments`.
"""
