"""Samplers say where to look; readers read what is there."""
