"""The asker: one child of the agent that talks to cameras and recorders of every make, and tells what they say."""
