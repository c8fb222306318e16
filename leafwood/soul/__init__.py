"""SOUL (Bai et al., NeurIPS 2023, arXiv 2305.16963), the published baseline: its features, samples and segmenter.

Its network is :mod:`leafwood.nn.pointnet2` and its loss is in :mod:`leafwood.losses`.
"""
