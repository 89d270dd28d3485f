"""Training of the bundled model: the data pack, the joint recipe, the frozen switcher, calibration."""
