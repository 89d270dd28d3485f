"""What every trainer shares: options, run folders, schedules, losses of gates, checkpoints, epochs."""
