"""Spelling: how each vendor writes each canonical field, as tables of small notations."""
