"""Find splits, classes and masks in the names of files."""
