"""Task data: pinned sources are checked file by file, normalised to one schema per kind, and written out."""
