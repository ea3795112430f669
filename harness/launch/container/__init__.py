"""Units in containers: the engine, the image, the archive of an image."""
