"""What a unit of work does: pretrain an encoder, train a recipe's intermediate tasks, train and score a cell."""
