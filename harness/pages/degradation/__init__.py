"""The page on how far recipes degrade low-resource languages."""
