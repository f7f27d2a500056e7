"""Tests of the network plugins with upstream's charts."""
