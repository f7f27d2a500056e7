"""A package, because the lab of its tests ends with it."""
