"""Names whose addresses a test decides, by Debian's libnss-wrapper."""

import os

_LIBRARY = "libnss_wrapper.so"
# A label of more than 63 characters is in no DNS: where the file does not have the name, nobody is asked for it.
NAME = f"counter-service-{'x' * 48}.test"


class Names:
    """A file of hosts that has NAME, or does not. Programs with `environment` look names up there first."""

    def __init__(self, directory):
        self._path = directory / "hosts"
        self._changes = 0
        self.set()

    def set(self, *addresses):
        """From now on these are all that NAME has."""
        new = self._path.with_suffix(".new")
        new.write_text("".join(f"{address} {NAME}\n" for address in addresses))
        # The library goes by whole seconds.
        self._changes += 1
        os.utime(new, (self._changes, self._changes))
        new.replace(self._path)

    @property
    def environment(self):
        # AddressSanitizer wants to be the first library, and to stand before libc's own functions.
        options = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))
        return {
            "LD_PRELOAD": _LIBRARY,
            "NSS_WRAPPER_HOSTS": str(self._path),
            "NSS_WRAPPER_DISABLE_DEEPBIND": "1",
            "ASAN_OPTIONS": options,
        }
