"""Find images and labels in the arrays of NumPy files."""
