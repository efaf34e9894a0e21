"""`make eval`: scores of the classification; misses in words of the half one looks at, or of every line of FILE.
`make eval ARGS="--replied FILE"`: the score on real messages, which lie outside of the project.

The other half is scored only: rules mended by looking at it would no longer be measured by it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from deploy import SAMPLE
from shared.policy import load
from tests.evaluation.replied import REPLIED, explained, report
from tests.evaluation.score import APPEALS, by_confidence, halves, judged, read, table


def main(arguments: list[str]) -> None:
    jurisdiction = load(SAMPLE)
    if arguments[:1] == ["--replied"]:
        messages = explained(Path(arguments[1]), jurisdiction)
        for line in report(messages, read(REPLIED), jurisdiction.policy.confidence.category):
            print(line)
        return
    if arguments:
        looked_at = judged(read(Path(arguments[0])), jurisdiction)
        print(f"{arguments[0]}\n{table(looked_at)}")
    else:
        seen, unseen = halves(read(APPEALS))
        looked_at, scored = judged(seen, jurisdiction), judged(unseen, jurisdiction)
        print(f"looked at\n{table(looked_at)}\nscored only\n{table(scored)}")
        print(f"scored only, by confidence\n{by_confidence(scored)}")
    print("misses")
    for one in looked_at:
        if one.missed:
            print(one.in_words)


if __name__ == "__main__":
    main(sys.argv[1:])
