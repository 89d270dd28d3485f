"""Hydra: an ensemble of decoders, distilled into one decoder with a light head for each of its members."""
