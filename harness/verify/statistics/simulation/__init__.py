"""How often the verifier's own rules err, measured: drawn studies whose truth is known, judged, counted.

`draws` makes studies cell by cell, `kinds` says which cells a claim is made of, `rules` judges whole arrays of studies
by the rule and by the one that it replaced; `studies` and `together` count. A test holds `rules` to the verdicts of
single studies by `decide` and by `judge`. Everything comes from one seed, each row from a generator of its own, so a
row can be drawn again alone. Points are in units of the margin: the rules are the same in any unit.
"""
