"""The command line: ``snn list``, ``snn show``, ``snn doctor``, and what other packages register.

main.py finds the command, listing.py, show.py and doctor.py are the three of snn-core, facts.py
gathers what a card shows, cards.py and text.py lay it out, plot.py draws a slope in characters,
checks.py and requirements.py are what doctor looks at.
"""
