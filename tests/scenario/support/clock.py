"""A wall clock that a test sets, days ahead or back. What counts seconds (CLOCK_MONOTONIC) is not
touched: nothing that waits ends earlier."""

import glob
import os
import tempfile

DAY = 24 * 3600


class Clock:
    """The wall clock of every program started with `environment()`, from the first call on. It goes
    on from where it was set, at the usual speed; set again, it jumps in all of them at once."""

    def __init__(self, folder, days=0):
        self._offset = tempfile.mkdtemp(dir=str(folder), prefix="clock-") + "/offset"
        os.chmod(os.path.dirname(self._offset), 0o755)  # for programs that become somebody else
        self.set(days)

    def set(self, days):
        """So many days away from the real time."""
        self.days = days
        with open(self._offset + ".new", "w") as file:
            file.write(f"{round(days * DAY):+d}\n")
        os.rename(self._offset + ".new", self._offset)

    def advance(self, days):
        self.set(self.days + days)

    def environment(self):
        """What a program needs to go by it. The times of files stay what they are."""
        library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        assert library, "libfaketime is not installed"
        asan = os.environ.get("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=86")
        return {
            "LD_PRELOAD": library[0], "FAKETIME_TIMESTAMP_FILE": self._offset,
            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
            "ASAN_OPTIONS": asan + ":verify_asan_link_order=0",
        }
