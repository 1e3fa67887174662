"""Model → program (bytecode), and the NumPy interpreter that is the machine's oracle."""
