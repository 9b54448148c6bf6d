"""A DATA word or a path becomes an `ImageSet`."""
