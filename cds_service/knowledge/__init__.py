"""What a pharmacist reviews: data files, their JSON Schema, and the loader that refuses a wrong one.

Law: data holds values and names, never expressions; loaded once, at the start.
"""
