"""Simulated cameras and a recorder: an RTSP server and an ONVIF device with pictures, people and faults on command."""
