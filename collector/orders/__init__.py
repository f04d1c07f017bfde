"""Orders and requests at the centre: drafted, approved, sent, followed; obeyed or refused by the box alone."""
