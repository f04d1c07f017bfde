"""Pictures and clips that belong to events: made, sealed by their hash, kept, given to the centre."""
