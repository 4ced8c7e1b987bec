"""Coverage-guided fuzzing of the protocols, with atheris: ``make fuzz``."""
