"""The vertical density decay of a scan: pulses that arrive at each height, attenuation, intensity of sampling.

Its measures weigh training crops, thin samples, and turn into leaf area.
"""
