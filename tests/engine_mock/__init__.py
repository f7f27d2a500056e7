"""Tests of the program in an engine that only records."""
