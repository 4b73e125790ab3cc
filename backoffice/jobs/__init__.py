"""What runs by itself, and how it went: beat's rows as staff read them, the outcome of each run, pause and run now.

The jobs themselves are `tasks.py` of the apps; nothing here knows what any of them does.
"""
