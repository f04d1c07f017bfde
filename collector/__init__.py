"""The centre: receives what boxes send, verifies and stores it, and shows people what they must handle."""
