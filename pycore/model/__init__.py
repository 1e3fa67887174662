"""The model language: consumers' equations as SymPy expressions."""
