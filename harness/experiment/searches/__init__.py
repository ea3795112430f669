"""What retrieval looks for, a module for each kind of task: its rows, and the answer that embeddings give."""
