"""Views: what was recorded, as pages that are data; templates mirror them."""
