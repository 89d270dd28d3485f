"""Predicting over many processes or machines, with dask.distributed."""
