"""Pulumi's SDK takes a process for one program's own. Inline programs share one, as threads: here its gaps are closed."""
