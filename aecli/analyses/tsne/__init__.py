"""t-SNE: embeds codes in the plane."""
