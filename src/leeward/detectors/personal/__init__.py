"""Recognisers of personal data: contact, accounts, identity numbers."""
