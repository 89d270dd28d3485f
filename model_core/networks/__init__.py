"""The network: a shared encoder, a switcher on its bottleneck, and one decoder per task expert."""
