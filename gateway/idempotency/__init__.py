"""What keeps a write from doubling: the contract of its store, which two stores fill alike."""
