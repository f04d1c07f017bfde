"""RTSP cameras, asked before they are opened: who answers, who refuses, and how."""
