"""A stack's configuration: every key with its type, default and meaning, the rules between values, and the reports."""
