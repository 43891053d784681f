"""The registry of derivatives: what was made from which model, what is wrong with it, and what follows."""
