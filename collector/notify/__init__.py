"""Notices: texts, channels, deliveries and answers; an alarm never waits for any of them."""
