"""Self-contained HTML pages: one file each, which a browser opens from disk, without network, server or other files."""
