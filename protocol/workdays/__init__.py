"""China's working days: which days are worked, for the hours of a site and the deadlines of the centre."""
