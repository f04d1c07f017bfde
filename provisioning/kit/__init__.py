"""The installer's kit: a folder for a USB stick that turns a bare machine into a box (docs/trust.md section 7)."""
