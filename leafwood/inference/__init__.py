"""From a cloud to a label on every point: the segmenter, what is labelled at all, and the model file.

Nothing here imports torch, whose import takes longer than labelling many a scan.
"""
