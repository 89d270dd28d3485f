"""Does a land-cover decoder gain from branches? Trained beside a plain one on the same frozen features."""
