"""Labels against the truth: scores overall, by height and by density of points.

Wood is the positive class, and accuracy is never given alone.
"""
