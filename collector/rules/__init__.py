"""The bank's own rules: who is told when, whose turn it is, where people are reached, what is to be done."""
