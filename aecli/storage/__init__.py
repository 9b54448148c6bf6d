"""Files: paths that are checked, writes that are atomic, formats and limits that inputs must keep."""
