"""One HTML page with all inspected images, for an inspector: sorted, filtered and enlarged in a browser, offline."""
