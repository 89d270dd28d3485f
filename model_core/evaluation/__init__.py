"""Evaluation of a bundle on a split of the pack, and the model card made from it."""
