"""Virtual stands: terrain, where trees are planted, undergrowth and litter.

A stand is a configuration that grows into one labelled mesh.
"""
