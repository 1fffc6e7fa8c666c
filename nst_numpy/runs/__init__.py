"""A run in a folder: what it was given, how it went, and what it takes to go on with it.

| file | what is in it |
|---|---|
| `toml_files.py` | TOML, read with the line of what is wrong, and written |
| `record.py` | run.toml: settings, inputs, versions, and how the run ended |
| `folder.py` | the folder of a run: made, opened again, finished |
| `journal.py` | what the optimiser was told, kept on disk, so that it can be told again |
| `clock.py` | the time of a run, over all its parts; the time that it may take |
| `diff.py` | why two runs differ, and where they part |
| `saved.py` | the pictures of a finished run, and its source map |
"""
