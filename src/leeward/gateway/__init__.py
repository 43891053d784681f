"""The front door: HTTP in, inspected HTTP out."""
