"""V1 and V2: the same bytes on the same class of machine, the same scores within a tolerance on any other."""
