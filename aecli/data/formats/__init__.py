"""Read image files: open them by their content, and decode them to 8 bits or to deep images."""
