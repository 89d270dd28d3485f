"""The objects expert's network: a small detection transformer whose feed-forward parts are routed experts."""
