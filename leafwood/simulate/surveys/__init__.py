"""Whole virtual surveys: a stand is scanned along its flight lines and delivered as a labelled file.

The reference area and the parts of each plant are written beside the cloud.
"""
