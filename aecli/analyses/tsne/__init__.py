"""t-SNE: codes to points in a plane."""
