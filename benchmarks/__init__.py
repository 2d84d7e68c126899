"""How fast the service is, as ratios to a bare route on the same server; speaks HTTP to both and knows no rule.

Linux only: memory and processor time are read from `/proc`.
"""
