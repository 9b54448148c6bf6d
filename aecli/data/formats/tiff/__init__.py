"""TIFF files: their directories, and the kinds that Pillow refuses or reads wrongly."""
