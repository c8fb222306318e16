"""Surveys larger than the memory, or of several files that touch: labelled tile by tile from a copy on disk.

The way of a survey: :mod:`first_pass` reads each file once, in chunks, and :mod:`index` holds what is then known of
it; :mod:`spill` keeps its points on disk by their place; :mod:`facts` finds out what must be known of the whole before
a tile can be seen; :mod:`tile` sees one tile; :mod:`finish` fits what is fitted to the whole and writes the outputs;
and :mod:`engine` has it done.
"""

from __future__ import annotations
