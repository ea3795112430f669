"""One HTML file that shows what `harness verify` concludes, and everything that it rests on, to be opened offline."""
