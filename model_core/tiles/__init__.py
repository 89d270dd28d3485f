"""Tiles with labels out of rasters: a routerset."""
