"""Guidelines for reviewers: what each emotion looks like, and when to choose `not_a_face` or `ambiguous`.

The signs are those of the Facial Action Coding System (Ekman, Friesen and Hager, 2002), in everyday words.
"""

from collections.abc import Mapping

from db.core.vocabulary import VoteChoice

GUIDELINES: Mapping[VoteChoice, str] = {
    VoteChoice.ANGRY: "Brows lowered and drawn together, eyes hard or glaring, lips pressed together or bared and square. "
    "The mouth may be closed.",
    VoteChoice.DISGUSTED: "Nose wrinkled, upper lip raised, often to one side; cheeks raised, brows lowered.",
    VoteChoice.FEARFUL: "Brows raised and drawn together, upper lids raised so that white shows above the iris, lips stretched "
    "sideways. Without the tense brows and lips it is surprised.",
    VoteChoice.HAPPY: "Corners of the mouth pulled up and back, cheeks raised. Bared teeth alone aren't a smile.",
    VoteChoice.NEUTRAL: "No part of the face is tensed or moved; the face at rest, also where its features look stern.",
    VoteChoice.SAD: "Inner ends of the brows raised, upper lids drooping, corners of the mouth pulled down, chin raised.",
    VoteChoice.SURPRISED: "Brows raised and curved, eyes wide open, jaw dropped and relaxed.",
    VoteChoice.NOT_A_FACE: "The box contains no human face: a statue, an animal, a pattern, the back of a head.",
    VoteChoice.AMBIGUOUS: "A face, but two emotions fit equally, or too little of it can be seen to tell.",
    VoteChoice.SKIP: "You prefer not to decide on this one. It goes to another reviewer, and your skip isn't counted.",
}

GROUND_RULE = (
    "Say what the face appears to express, not what the person may feel or what the scene suggests. Decide from the face first, "
    "and look at the photo only where the crop is unclear."
)
