"""Find images whose codes are equal, or nearer to each other than those of different images."""
