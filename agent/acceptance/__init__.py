"""The walk test: what is to be walked, how far it got, and the two shells that lead an installer through it."""
