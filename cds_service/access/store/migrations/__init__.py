"""The steps by which the tables came to be, one file each; a step that was shipped is never changed.

Steps only ever add: a program of yesterday goes on with the tables of today while a deployment rolls.
"""
