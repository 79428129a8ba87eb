"""Which words of a prompt call for which place, light and figure. Words only: how they look is painted elsewhere."""

from collections.abc import Mapping, Sequence

PLACES: Mapping[str, str] = {
    "sea": "sea ocean wave waves boat ship harbour harbor lighthouse coast beach island sail sailor fish lake river "
    "water whale tide shore storm island lantern lamp tower",
    "city": "city street town market window windows car taxi roof roofs train station office shop bakery cafe robot "
    "neon library building door apartment traffic bridge bread",
    "forest": "forest tree trees wood woods fox deer leaf leaves wolf bear owl mushroom jungle path",
    "mountains": "mountain mountains snow peak summit climber dragon eagle cliff valley ice glacier",
    "dunes": "desert sand dune dunes camel mars planet astronaut oasis moon space rocket",
    "hills": "hill hills field meadow farm village garden flower flowers sheep house road horse cat dog bird grass",
}

LIGHTS: Mapping[str, str] = {
    "dawn": "dawn sunrise morning daybreak wakes wake early",
    "day": "day noon midday sunny summer bright afternoon spring garden beach",
    "dusk": "dusk sunset evening twilight autumn golden fire desert farewell",
    "night": "night midnight moon moonlit stars star dark space galaxy dream sleeps sleeping",
    "storm": "storm rain thunder lightning grey fog mist winter lost",
}

FIGURES: Mapping[str, str] = {
    "lighthouse": "lighthouse lamp beacon tower",
    "boat": "boat ship sail sailor sails harbour harbor ferry fisherman",
    "house": "house home village cottage farm bakery cabin shop",
    "person": "he she her his man woman girl boy keeper child captain baker astronaut robot someone hero people mother "
    "father climber traveller wanderer king queen friend friends",
    "tree": "tree oak leaves apple orchard",
    "balloon": "balloon fly flies float floats flying",
    "rocket": "rocket launch spaceship mars",
}

# What stands in a place when the prompt names nothing that could.
USUAL: Mapping[str, tuple[str, ...]] = {
    "sea": ("boat", "lighthouse"),
    "city": ("person", "balloon"),
    "forest": ("person", "house"),
    "mountains": ("person", "balloon", "house"),
    "dunes": ("person", "rocket", "balloon"),
    "hills": ("house", "tree", "person", "balloon"),
}


def named(words: Sequence[str], things: Mapping[str, str]) -> list[str]:
    """The things the words call for, in the order the prompt names them, each once."""
    known = {word: thing for thing, names in reversed(list(things.items())) for word in names.split()}
    return list(dict.fromkeys(known[word] for word in words if word in known))
