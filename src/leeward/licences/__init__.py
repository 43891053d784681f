"""Licences of models: which one a name falls under, and whether a declared use is covered by it."""
