"""What differs between two sets of results: claims, scores, inputs, machines."""
