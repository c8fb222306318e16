"""SOUL (Bai et al., NeurIPS 2023, arXiv 2305.16963), the baseline: its features, its samples and its segmenter."""
