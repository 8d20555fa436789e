"""Parses the chunks of a PNG file, and rebuilds the picture without damaged ones."""

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})
_PIECE_BYTES = 1 << 20
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Colour type -> samples per pixel."""
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""Passes of an interlaced picture: first row and column, and the steps between them."""


def list_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Return kind and content of each chunk up to the end of the picture or file. Checksums are ignored."""
    view, at = memoryview(data), len(SIGNATURE)
    while at + 8 <= len(data):
        length, kind = int.from_bytes(view[at : at + 4], "big"), bytes(view[at + 4 : at + 8])
        if kind == b"IEND":
            return
        yield kind, view[at + 8 : at + 8 + length]
        at += length + 12


def find_chunk(data: bytes, wanted: bytes) -> bytes | None:
    """Return the content of the first chunk of a kind, wherever it is."""
    return next((bytes(content) for kind, content in list_chunks(data) if kind == wanted), None)


def clean_png(data: bytes) -> bytes:
    """Return the same picture with only the chunks that its pixels need, and with correct checksums."""
    kept = [_make_chunk(kind, bytes(content)) for kind, content in list_chunks(data) if kind in _NEEDED]
    return b"".join([SIGNATURE, *kept, _make_chunk(b"IEND", b"")])


def repair_png(data: bytes) -> bytes | None:
    """Return the same picture with its pixel stream rebuilt and the stream's checksum corrected. None if rows are missing."""
    needed = [(kind, bytes(content)) for kind, content in list_chunks(data) if kind in _NEEDED]
    stream, byte_count = _repack(b"".join(content for kind, content in needed if kind == b"IDAT"))
    if not needed or byte_count < _count_row_bytes(needed[0][1]):
        return None
    kept = [_make_chunk(kind, content) for kind, content in needed if kind != b"IDAT"]
    return b"".join([SIGNATURE, *kept, _make_chunk(b"IDAT", stream), _make_chunk(b"IEND", b"")])


def _count_row_bytes(header: bytes) -> int:
    """Return the bytes of all rows, each with its filter byte."""
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header[:13])
    bits = depth * _SAMPLES[colour]
    passes = _PASSES if interlace else ((0, 0, 1, 1),)
    total = 0
    for top, left, down, across in passes:
        columns, rows = -(-max(0, width - left) // across), -(-max(0, height - top) // down)
        total += rows * (1 + -(-columns * bits // 8)) if columns else 0
    return total


def _repack(stream: bytes) -> tuple[bytes, int]:
    """Recompress a stream as far as it can be read, piece by piece. Returns it with its uncompressed size."""
    source, made = zlib.decompressobj(-zlib.MAX_WBITS), zlib.compressobj(1)
    parts, rest, byte_count = [], stream[2:], 0
    try:
        while rest and not source.eof:
            piece = source.decompress(rest, _PIECE_BYTES)
            byte_count += len(piece)
            parts.append(made.compress(piece))
            rest = source.unconsumed_tail
    except zlib.error:
        pass  # keep what precedes the damage
    return b"".join([*parts, made.flush()]), byte_count


def _make_chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
