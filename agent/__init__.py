"""The box at a branch: watches devices, concludes, records durably and reports; guards the site even when cut off."""
