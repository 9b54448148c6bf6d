"""Find the codes that are nearest to others, exactly or by an index."""
