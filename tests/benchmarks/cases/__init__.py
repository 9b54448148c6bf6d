"""One module per subject. `CASES` maps the names of its benchmarks to functions that return rows."""
