#!/usr/bin/python3
"""relabel.py PROGRAM COPY: a copy of an x86-64 ELF program that this host's libraries are too old for.

The loader names the versions it does not find, "version `GLIBC_2.38' not found"; each of them becomes another one that
the program needs of the same library and that is there. The names behind them must come from elsewhere (shim.cc).
"""
import re
import shutil
import struct
import subprocess
import sys

SHT_GNU_VERNEED = 0x6FFFFFFE


def versions_not_found(program):
    output = subprocess.run([program], stdin=subprocess.DEVNULL, capture_output=True).stderr.decode(errors="replace")
    return set(re.findall(r"version `([^']+)' not found", output))


def sections(elf):
    (at,), (size, count) = struct.unpack_from("<Q", elf, 40), struct.unpack_from("<HH", elf, 58)
    # name, type, flags, address, offset, size, link, info, ...
    return [struct.unpack_from("<IIQQQQIIQQ", elf, at + i * size) for i in range(count)]


def needs(elf):
    """Per library, the (offset, name) of each version record."""
    table = sections(elf)
    for section in (s for s in table if s[1] == SHT_GNU_VERNEED):
        strings, at = table[section[6]][4], section[4]
        for _ in range(section[7]):
            _, count, _, first, following = struct.unpack_from("<HHIII", elf, at)
            record, library = at + first, []
            for _ in range(count):
                name, step = struct.unpack_from("<II", elf, record + 8)
                start = strings + name
                library.append((record, elf[start:elf.index(0, start)].decode()))
                record += step
            yield library
            at += following


def relabel(elf, lacking):
    for library in needs(elf):
        there = [record for record, name in library if name not in lacking]
        for record, name in library:
            if name in lacking:
                elf[record:record + 4] = elf[there[0]:there[0] + 4]              # the name's hash
                elf[record + 8:record + 12] = elf[there[0] + 8:there[0] + 12]    # the name


def main(program, copy):
    lacking = versions_not_found(program)
    shutil.copy(program, copy)
    with open(copy, "r+b") as f:
        elf = bytearray(f.read())
        relabel(elf, lacking)
        f.seek(0)
        f.write(elf)


main(*sys.argv[1:])
