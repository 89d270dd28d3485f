"""Any class raster or run against a reference layer."""
