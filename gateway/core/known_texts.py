"""What the texts whose outcomes are known say of one that lies near them: numbers that training and serving share.

Of each known text the artefact keeps its vector and the Newton step that its own outcomes ask of the position it was
given by a fit that had not seen it. A request's content is moved by the mean step of the known texts nearest to it,

    step = Σ w·s / (Σ w + κ)          w by the cosine of the vectors, as for labels that come by feedback

and its likeness to what was trained on is the mean cosine of the very nearest. The less like them it is, the less of
the step is gone, down to nothing: what far texts ask is no news of this one.

The static stage looks by its own vectors, the encoder by those that its pools give, of which the leading numbers do.
"""

from typing import Final

KNOWN_NEAREST: Final = 64
"""So many are looked at; with 200 the mean log loss was no lower."""
KNOWN_DOUBT: Final = 4.0
"""κ: with 1 or 10 nothing measurable changed."""
ENCODER_NUMBERS: Final = 64
"""Of the encoder's vectors, whose axes are sorted by their spread, so many lead. With all 128 MMLU is ordered alike
(APGR 0.685 and 0.686 on a fold), school maths left out of training no better (0.588 and 0.590), in twice the room."""
LIKE_NEAREST: Final = 20
"""Of all known texts; fewer would let one odd neighbour decide."""
