"""Tests of the program in the real engine."""
