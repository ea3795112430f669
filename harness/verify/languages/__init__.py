"""Zero-shot transfer by language: how far a recipe degrades low-resource languages."""
