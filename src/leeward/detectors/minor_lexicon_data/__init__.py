"""Data of the detector `minor-lexicon`: age terms and excuses in plain words, sexual terms as hashes."""
