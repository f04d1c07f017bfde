"""Announcements of the site file, heard on the box's own loudspeaker."""
