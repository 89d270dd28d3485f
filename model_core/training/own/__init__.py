"""Training on a user's own tiles: switcher rows, new experts, fine-tuned ones."""
