"""The chunks of a PNG file: what stands behind its pixels, and the same picture without damaged chunks."""

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})
_PIECE_BYTES = 1 << 20
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""The header's kind of colour -> samples of a pixel."""
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""Of an interlaced picture: first row and column, and the steps between them."""


def list_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Each chunk's kind and content, up to the end of the picture or of the file. Checksums are not looked at."""
    view, at = memoryview(data), len(SIGNATURE)
    while at + 8 <= len(data):
        length, kind = int.from_bytes(view[at : at + 4], "big"), bytes(view[at + 4 : at + 8])
        if kind == b"IEND":
            return
        yield kind, view[at + 8 : at + 8 + length]
        at += length + 12


def find_chunk(data: bytes, wanted: bytes) -> bytes | None:
    """The content of the first chunk of a kind, wherever it stands."""
    return next((bytes(content) for kind, content in list_chunks(data) if kind == wanted), None)


def clean_png(data: bytes) -> bytes:
    """The same picture with nothing but the chunks that its pixels need, and with right checksums."""
    kept = [_make_chunk(kind, bytes(content)) for kind, content in list_chunks(data) if kind in _NEEDED]
    return b"".join([SIGNATURE, *kept, _make_chunk(b"IEND", b"")])


def repair_png(data: bytes) -> bytes | None:
    """The same picture with its stream of pixels made anew, without the stream's own checksum. None where rows are missing."""
    needed = [(kind, bytes(content)) for kind, content in list_chunks(data) if kind in _NEEDED]
    stream, byte_count = _repack(b"".join(content for kind, content in needed if kind == b"IDAT"))
    if not needed or byte_count < _count_row_bytes(needed[0][1]):
        return None
    kept = [_make_chunk(kind, content) for kind, content in needed if kind != b"IDAT"]
    return b"".join([SIGNATURE, *kept, _make_chunk(b"IDAT", stream), _make_chunk(b"IEND", b"")])


def _count_row_bytes(header: bytes) -> int:
    """How many bytes all rows of a picture have, each with the byte that names its filter."""
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header[:13])
    bits = depth * _SAMPLES[colour]
    passes = _PASSES if interlace else ((0, 0, 1, 1),)
    total = 0
    for top, left, down, across in passes:
        columns, rows = -(-max(0, width - left) // across), -(-max(0, height - top) // down)
        total += rows * (1 + -(-columns * bits // 8)) if columns else 0
    return total


def _repack(stream: bytes) -> tuple[bytes, int]:
    """Compress a stream anew as far as it can be read, piece by piece. Returns it with its number of bytes, uncompressed."""
    source, made = zlib.decompressobj(-zlib.MAX_WBITS), zlib.compressobj(1)
    parts, rest, byte_count = [], stream[2:], 0
    try:
        while rest and not source.eof:
            piece = source.decompress(rest, _PIECE_BYTES)
            byte_count += len(piece)
            parts.append(made.compress(piece))
            rest = source.unconsumed_tail
    except zlib.error:
        pass  # what came before the damage counts
    return b"".join([*parts, made.flush()]), byte_count


def _make_chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
