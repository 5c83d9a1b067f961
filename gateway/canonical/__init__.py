"""The canonical language: frozen data and exact JSON, without I/O."""
