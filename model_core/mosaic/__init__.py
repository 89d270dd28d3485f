"""One view over the runs of many scenes: virtual rasters and a STAC catalogue."""
