"""Files inside of archives and Parquet files, read without unpacking."""
