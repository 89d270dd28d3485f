"""Training the scene expert: branches on the frozen encoder's features that give a tile one class."""
