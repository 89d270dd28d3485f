"""Training of the objects expert on a bundle's frozen encoder."""
