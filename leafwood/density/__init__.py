"""The vertical density decay of a scan: pulses that arrive at each height, attenuation, intensity of sampling.

What is measured here weighs training crops, thins samples, and gives leaf area.
"""
