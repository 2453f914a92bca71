"""Labels of pixels, from scores at places, compiled. What they are is said by `chunk_labels.label_map`.

A quad is the pixels between the middles of four places. Of its classes only those are interpolated that can be the best
of a pixel, or the second where that is asked: none exceeds its highest score at the four places, nor falls below its
lowest. Scores are not negative, so their bits as integers are in the same order, and these have minima and maxima that
vectorise. Types are not checked at run time, as in `place_scores`.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float32, Int32, Int64, UInt8, UInt16

from mrovseg.labels.compiled import kernel, part
from mrovseg.labels.pixel_values import Found, QuadRoom, Rules

ZERO, ONE = np.float32(0), np.float32(1)
LEAST = np.float32(0.5 / 255)  # a lower score counts as none, and is stored as 0
LEVELS = np.float32(254)  # what a probability of 1 is as a score or margin: 255 is no data
UNDER, OVER = np.float32(0.9999), np.float32(1.0001)  # what interpolation rounds is far less


@part
@no_type_check
def level(probability: np.float32) -> np.uint8:
    """Return a probability in steps of a 254th; one below LEAST as 0."""
    if probability < LEAST:
        return np.uint8(0)
    return np.uint8(np.rint(min(probability, ONE) * LEVELS))


@part
@no_type_check
def lead(best: np.float32, second: np.float32) -> np.uint8:
    """Return the lead of the best score over the second, those below LEAST being none, in steps of a 254th."""
    if best < LEAST:
        return np.uint8(0)
    return np.uint8(np.rint(min(best - (second if second >= LEAST else ZERO), ONE) * LEVELS))


@part
@no_type_check
def label_places(
    bits: Int32[np.ndarray, "x c"],
    room: QuadRoom,
    score: UInt8[np.ndarray, " x"],
    margin: UInt8[np.ndarray, " x"],
) -> None:
    """Write the level of the best score and its lead, of a row of places whose scores' bits are given."""
    leading = room.leading_bits
    for x in range(score.shape[0]):
        best, second, leaders = np.int32(0), np.int32(0), 0
        for c in range(bits.shape[1]):
            best = max(best, bits[x + 1, c])
        for c in range(bits.shape[1]):
            leaders += bits[x + 1, c] == best
            second = max(second, bits[x + 1, c] if bits[x + 1, c] != best else np.int32(0))
        leading[0], leading[1] = best, best if leaders > 1 else second
        score[x], margin[x] = level(room.leading[0]), lead(room.leading[0], room.leading[1])


@part
@no_type_check
def bounds(rows: Int32[np.ndarray, "2 x c"], x: int, high: Int32[np.ndarray, " c"], rank: int) -> np.int32:
    """Write each class's highest score at a quad's places; return the highest of their lowest there, or the second.

    No pixel's best score, or for a rank of 2 its second best, is below what is returned. All are bits.
    """
    first = second = np.int32(0)
    for c in range(rows.shape[2]):
        low = min(rows[0, x, c], rows[0, x + 1, c], rows[1, x, c], rows[1, x + 1, c])
        high[c] = max(rows[0, x, c], rows[0, x + 1, c], rows[1, x, c], rows[1, x + 1, c])
        first = max(low, first)
    if rank == 1:
        return first
    leaders = 0
    for c in range(rows.shape[2]):
        low = min(rows[0, x, c], rows[0, x + 1, c], rows[1, x, c], rows[1, x + 1, c])
        leaders += low == first
        second = max(second, low if low != first else np.int32(0))
    return first if leaders > 1 else second


@part
@no_type_check
def find_able(high: Float32[np.ndarray, " c"], needed: np.float32, able: Int64[np.ndarray, " c"]) -> int:
    """Write the classes that may reach a score; return how many they are."""
    count = 0
    for c in range(len(able)):
        able[count] = c
        count += high[c] >= needed
    return count


@part
@no_type_check
def find_top_two(rows: Float32[np.ndarray, "2 x c"], x: int, count: int, room: QuadRoom) -> None:
    """Write the best of the able classes at each pixel, its score and the second: rows first, then columns."""
    down, right, winner, best, second = room.down, room.right, room.winner, room.best, room.second
    for i in range(len(best)):
        winner[i], best[i], second[i] = 0, ZERO, ZERO
    for c in room.able[:count]:
        a, b, below_a, below_b = rows[0, x, c], rows[0, x + 1, c], rows[1, x, c], rows[1, x + 1, c]
        for i in range(len(best)):
            of_a = a * (ONE - down[i]) + below_a * down[i]
            of_b = b * (ONE - down[i]) + below_b * down[i]
            score = of_a * (ONE - right[i]) + of_b * right[i]
            second[i] = max(second[i], min(score, best[i]))
            winner[i] = np.uint16(c + 1) if score > best[i] else winner[i]
            best[i] = max(score, best[i])


@part
@no_type_check
def write_pixels(room: QuadRoom, at: tuple[int, int], rules: Rules, found: Found) -> None:
    """Write what was found of a quad's pixels, those inside the chunk. `at`: row and column of its first."""
    side = rules.stride_px
    height, width = found.class_id.shape
    least, classes, winner, best = max(rules.threshold, LEAST), rules.classes, room.winner, room.best
    for i in range(len(best)):
        winner[i] = winner[i] if best[i] >= least and winner[i] <= classes else np.uint16(0)
    top, left = max(0, -at[0]), max(0, -at[1])
    bottom, right = min(side, height - at[0]), min(side, width - at[1])
    i = 0
    for y in range(side):
        for x in range(side):
            if top <= y < bottom and left <= x < right:
                found.class_id[at[0] + y, at[1] + x] = winner[i]
            i += 1
    if rules.every_pixel:
        for y in range(max(0, -at[0]), min(side, height - at[0])):
            for x in range(max(0, -at[1]), min(side, width - at[1])):
                i = y * side + x
                found.score[at[0] + y, at[1] + x] = level(best[i])
                found.margin[at[0] + y, at[1] + x] = lead(best[i], room.second[i])


@part
@no_type_check
def fill_pixels(class_id: UInt16[np.ndarray, "h w"], at: tuple[int, int], side: int, winner: int) -> None:
    """Write one class to a quad's pixels, those inside the chunk."""
    height, width = class_id.shape
    for y in range(at[0], at[0] + side):
        for x in range(at[1], at[1] + side):
            if 0 <= y < height and 0 <= x < width:
                class_id[y, x] = winner


@kernel
@no_type_check
def label_rows(
    scores: Float32[np.ndarray, "y x c"],
    bits: Int32[np.ndarray, "y x c"],
    first: int,
    rules: Rules,
    room: QuadRoom,
    found: Found,
) -> None:
    """Label the pixels between rows of places, and all these places but those of the first row, which is `first`.

    `bits` are those of `scores`.
    """
    side, able, leading = rules.stride_px, room.able, room.leading
    least, rank = (LEAST, 2) if rules.every_pixel else (max(rules.threshold, LEAST), 1)
    high, high_bits, leading_bits, class_id = room.high, room.high_bits, room.leading_bits, found.class_id
    for y in range(scores.shape[0] - 1):
        rows, row_bits = scores[y : y + 2], bits[y : y + 2]
        for x in range(scores.shape[1] - 1):
            leading_bits[0] = bounds(row_bits, x, high_bits, rank)
            low = leading[0]
            count = find_able(high, max(low, least) * UNDER, able)
            at = (side * (first + y) - (side + 1) // 2, side * x - (side + 1) // 2)
            if count == 1 and low >= least * OVER and not rules.every_pixel:
                if able[0] < rules.classes:
                    fill_pixels(class_id, at, side, able[0] + 1)
            elif count:
                find_top_two(rows, x, count, room)
                write_pixels(room, at, rules, found)
        if not rules.every_pixel and first + y < found.score.shape[0]:
            label_places(bits[y + 1], room, found.score[first + y], found.margin[first + y])
