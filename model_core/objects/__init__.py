"""Objects instead of pixels: what an expert of kind `objects` finds, merged over tiles, as a layer."""
