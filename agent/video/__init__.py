"""What takes pictures apart: one child process a camera, and the only files that know video libraries."""
