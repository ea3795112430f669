"""Pins of data: computed, checked, and written into tasks/*.yaml."""
