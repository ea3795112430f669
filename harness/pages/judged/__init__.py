"""The HTML page of `harness judge`: claims on scores that another program made."""
