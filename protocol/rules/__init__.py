"""The bank's own rules as they are written: shapes that the centre obeys and the inventory keeps."""
