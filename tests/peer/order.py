"""The order in which `harness run` takes the training rows, from (rows, seed, epoch) alone.

    python order.py ROWS SEED EPOCH
"""
import sys

import numpy as np

ORDER_SITE = 0x20000000


def philox4x32(counter, key):
    """Ten rounds of Philox4x32 (Salmon et al. 2011) on arrays of words (4, n) with key (2)."""
    c, k, mask = counter.astype(np.uint64), list(key), np.uint64(0xFFFFFFFF)
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = np.stack([b >> np.uint64(32) ^ c[1] ^ np.uint64(k[0]), b & mask,
                      a >> np.uint64(32) ^ c[3] ^ np.uint64(k[1]), a & mask])
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def order(rows, seed, epoch):
    """Row numbers sorted by (64 bits of Philox at counter (row, epoch, 0, 0), row); epochs count from 0."""
    row = np.arange(rows, dtype=np.uint64)
    words = philox4x32(np.stack([row, np.full_like(row, epoch), row * 0, row * 0]), (seed, ORDER_SITE))
    return np.lexsort((row, words[1] << np.uint64(32) | words[0]))


if __name__ == "__main__":
    # the known answer of the authors' test: zeros in, zeros as key
    assert [int(w) for w in philox4x32(np.zeros((4, 1)), (0, 0))[:, 0]] == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    print(*order(*map(int, sys.argv[1:4])))
