"""Tests on the lab."""
