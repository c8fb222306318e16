"""What training reads: labelled scans, the crops that are cut from them, and the ways in which crops are varied.

Samplers and graphs do not know of labels; this folder does.
"""
