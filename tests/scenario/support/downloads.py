"""What tests have from Debian's archive. A network may be slow, and fail for a moment."""

import sys
import time

#: For one attempt, in seconds.
PATIENCE = 900
#: Before each further attempt, in seconds.
PAUSES = (5, 20, 60)


def persistently(attempt, worth_it=lambda done: True):
    """The CompletedProcess of an `attempt` that needs the network, repeated while it fails and is
    `worth_it`. The last one may have failed, too."""
    for pause in PAUSES:
        done = attempt()
        if done.returncode == 0 or not worth_it(done):
            return done
        print(f"failed; once more in {pause} s:\n{(done.stdout + (done.stderr or ''))[-2000:]}",
              file=sys.stderr, flush=True)
        time.sleep(pause)
    return attempt()
