"""What people look at: pictures, tables and pages of labelled scans.

It reads labelled clouds and changes nothing in them.
"""
