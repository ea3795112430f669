"""Scores that another program made, and claims in a few words -> verdicts.

`read` and `columns` make a `table` of a file or a frame, `rows` is what importers of other programs' files give;
`choose` says what of it is compared, `words` and `claims_file` what is claimed, `judge` what follows, `doubts` what
asks for an explanation, `show` all of it in words.
"""
