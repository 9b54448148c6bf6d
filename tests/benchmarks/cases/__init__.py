"""One file a subject; each has `CASES`, from names to functions that measure and return rows."""
