"""Classifiers of EuroSAT chips: plain, a reference mixture of experts, and HydraNets."""
