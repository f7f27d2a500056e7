"""A package, because the lab of its tests ends with it: pytest keeps what is of a folder alone until its own end."""
