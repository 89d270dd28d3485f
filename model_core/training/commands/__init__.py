"""What `hydranet train` trains besides the whole bundle: one module for each, called like it."""
