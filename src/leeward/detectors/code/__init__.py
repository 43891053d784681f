"""Finds weaknesses in source code: rules are data, the engine reads syntax trees."""
