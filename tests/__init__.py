"""The tests of all tiers."""
