"""The site file: what an installer writes about one site, read strictly and checked as a whole.

Pure, and shared: who runs by a site file and who only hands it out judge it alike. Opening the file is the caller's.
"""
