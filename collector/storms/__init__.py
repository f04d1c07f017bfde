"""Storms and shelters: what is kept quiet for a time, and what never is."""
