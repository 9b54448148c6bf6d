"""Size and quality of codes, compared with other methods to compress images."""
