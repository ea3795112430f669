"""Importers: results that another program wrote -> what is known of them (harness.verify.given).

A file for each program; `find.py` knows them all. None of these programs is imported: their files are JSON, text or a
database of SQLite, and are read as such, with bounds on their size.
"""
