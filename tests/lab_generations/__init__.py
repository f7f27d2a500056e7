"""Tests on the lab's second generation, and on its way there."""
