"""Archives of judged scores, which `harness judge --archive` writes and `harness verify` judges again."""
