"""Many scans with one command, one after the other or side by side on Dask.

Which scans, where to, what is already done, and what failed is decided here.
"""
