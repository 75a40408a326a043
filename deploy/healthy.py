"""Whether a server on this machine is alive: exit code 0, or 1 and why. The image's health check; it has no curl.

    python healthy.py https://127.0.0.1:8443/healthz

The certificate is not checked: it asks its own machine, which the certificate need not name, and hands over nothing.
"""

from __future__ import annotations

import ssl
import sys
import urllib.request
from http.client import HTTPException


def main(url: str) -> int:
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting))
    try:
        with opener.open(url, timeout=4) as answer:
            return 0 if answer.status == 200 else 1
    except (OSError, HTTPException) as error:
        print(f"{url}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "https://127.0.0.1:8443/healthz"))
