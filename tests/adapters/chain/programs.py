"""Small contracts in bytecode for tests of chains, and random ones."""

from __future__ import annotations

import random

# Reverts with Error("no").
ERROR_NO = "08c379a0" + f"{32:064x}" + f"{2:064x}" + b"no".hex().ljust(64, "0")
EMPTY = "00" * 19 + "a1"


def init_code(runtime: str) -> str:
    """What deploys that code: CODECOPY and RETURN of all that follows."""
    size = len(runtime) // 2
    return f"0x61{size:04x}600e60003961{size:04x}6000f3{runtime}"


def says_no() -> str:
    """Each call reverts with Error("no")."""
    return init_code("6064600c60003960646000fd" + ERROR_NO)


def logs() -> str:
    """Each call logs its input three times: LOG0, LOG2 with topics 7 and the caller, LOG4 with 1, 2, 3, 4."""
    return init_code("366000600037" + "366000a0" + "336007366000a2" + "6004600360026001366000a4" + "00")


def calls_itself() -> str:
    """As deep as its gas goes, keeping 100,000 at each level; each that still can adds one to slot 0."""
    return init_code("6000600060006000600030" + "620186a05a03" + "f150" + "600160005401600055" + "00")


def destroys_twice_and_reverts() -> str:
    """Makes two children that SELFDESTRUCT to the same empty account, twice in one transaction; then it reverts."""
    create = f"75{'73' + EMPTY + 'ff'}6000526016600a6000f050"  # MSTORE the child's init code, CREATE it, POP
    return init_code(create + create + "60006000fd")


def random_program(chance: random.Random) -> str:
    """Init code of some fifty operations on few values that leaves a word of memory as code, if nothing stops it."""
    code, depth = "", 0
    values = (0, 1, 2, 31, 32, 255, 256, 2**255, 2**256 - 1)
    binary = "01020304050607" + "0a" + "0b" + "1011121314161718" + "1a1b1c1d"
    unary, nullary = "1519", ("30", "32", "33", "34", "36", "38", "3d", "41", "58", "59", "5f")
    for _ in range(chance.randrange(10, 60)):
        kind = chance.random()
        if depth < 4 or kind < 0.3:
            value = chance.choice([*values, chance.randrange(2**64), chance.randrange(2**256)])
            size = max(1, (value.bit_length() + 7) // 8)
            code += f"{0x5F + size:02x}{value:0{2 * size}x}" if chance.random() < 0.8 else chance.choice(nullary)
            depth += 1
        elif kind < 0.6:
            at = 2 * chance.randrange(len(binary) // 2)
            code += binary[at : at + 2]
            depth -= 1
        elif kind < 0.65:
            at = 2 * chance.randrange(len(unary) // 2)
            code += unary[at : at + 2]
        elif kind < 0.7:
            code += chance.choice(("08", "09"))
            depth -= 2
        elif kind < 0.75:
            code += f"{0x7F + chance.randrange(1, depth):02x}"
            depth += 1
        elif kind < 0.8:
            code += f"{0x8F + chance.randrange(1, depth):02x}"
        elif kind < 0.87:
            code += chance.choice(("600054", "600154", "61020051", "60205c"))
            depth += 1
        elif kind < 0.94:
            code += chance.choice(("600055", "600155", "61020052", "60205d", "61023f53"))
            depth -= 1
        else:
            code += chance.choice(("60206102002050", "6020610200a0", "60ff6020610200a1"))
    return "0x" + code + "610200526020610200f3"
