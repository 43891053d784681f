"""Hashes of images: how they are made, which are known, and how near ones are found."""
