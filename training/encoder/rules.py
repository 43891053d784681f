"""Which hazards make which rule for the cascade, and which rules keep a text from its answer."""

import scored
from labels import TOPICS

RULES = {rule: hazards for rule, hazards in scored.RULES.items() if rule not in TOPICS} | {"refusal": ("refusal",)}
BLOCKING = (*scored.BLOCKING, "criminal", "dangerous")
