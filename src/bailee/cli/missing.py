"""Which extra of Bailee brings a module that is not installed: `pip install 'bailee[ledger]'` for `web3`, say.

A net below the commands, which name what they need where they know it. A test compares the table with the imports of
the sources and with what each extra requires.
"""

from __future__ import annotations

_MODULES = {
    "api": ("biscuit_auth", "fastapi", "httptools", "httpx", "prometheus_client", "starlette", "uvicorn", "uvloop"),
    "console": ("babel", "jinja2", "markupsafe", "python_multipart"),
    "export": ("onnx", "safetensors"),
    "fingerprints": ("PIL", "iscc_lib"),
    "ledger": (
        "eth_abi", "eth_account", "eth_hash", "eth_keys", "eth_typing", "eth_utils", "ethereum", "ethereum_optimized",
        "ethereum_rlp", "ethereum_types", "hexbytes", "requests", "rust_pyspec_glue", "web3",
    ),
    "mount": ("mfusepy",),
    "postgresql": ("psycopg",),
    "proxies": ("umbral_pre",),
    "s3": ("defusedxml",),
    "sklearn": ("sklearn",),
}  # fmt: skip
EXTRA = {module: extra for extra, modules in _MODULES.items() for module in modules}
"""Of a module's first name, the extra that brings it. What several bring is under the first of them."""


def advice(error: ModuleNotFoundError) -> str | None:
    """What to install, or None for a module that no extra brings: then something else is wrong."""
    name = (error.name or "").partition(".")[0]
    if name not in EXTRA:
        return None
    return f"this needs: pip install 'bailee[{EXTRA[name]}]' ({name} is missing)"
