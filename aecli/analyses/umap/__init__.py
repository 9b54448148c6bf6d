"""UMAP: embeds codes in the plane."""
