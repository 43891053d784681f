"""A page on which the ten rules can be seen at work, and a scripted model to see them with."""
