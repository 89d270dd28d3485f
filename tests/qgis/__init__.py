"""The plugin in QGIS without a window; the worker is a small scripted one, and the real one where it is."""
