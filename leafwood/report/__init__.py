"""What people look at: pictures and tables of labelled scans.

It reads labelled clouds and changes nothing in them.
"""
