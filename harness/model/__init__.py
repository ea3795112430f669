"""The encoder, its tokenizer, the heads on top of it, and what rows look like to them."""
