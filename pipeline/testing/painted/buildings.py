"""Built blocks: yards and gardens, drives, pools, roofs of several forms, panels on some of them."""

import numpy as np

from pipeline.testing.painted.canvas import POOL, ROOF, STREET, Canvas, blended, tinted
from pipeline.testing.painted.grounds import paint_earth, paint_grass, paint_panels
from pipeline.testing.painted.layout import HALLS, HOUSES
from pipeline.testing.painted.lots import Lots, find_lots
from pipeline.testing.painted.noise import Flags, Floats, Indices, draw, keyed

_TILES = np.array(
    [
        [168, 92, 66], [150, 78, 60], [182, 112, 84], [128, 84, 70], [112, 98, 88], [86, 84, 86],
        [140, 134, 128], [104, 88, 74], [176, 140, 112], [96, 92, 90], [74, 78, 84], [122, 112, 100],
    ],
    dtype=np.float32,
)  # fmt: skip
_SHEETS = np.array(
    [
        [214, 214, 212], [186, 186, 184], [150, 150, 150], [112, 112, 114], [84, 84, 88], [72, 108, 148],
        [96, 132, 164], [170, 152, 128], [148, 124, 100], [198, 186, 164], [154, 92, 76], [92, 118, 100],
        [130, 126, 120], [104, 100, 98],
    ],
    dtype=np.float32,
)  # fmt: skip
_PAVING = np.array([[128, 126, 122], [150, 144, 134], [112, 110, 110], [166, 158, 148]], dtype=np.float32)
_GRASS_SHARE = np.array([0.82, 0.56, 0.28], dtype=np.float32)  # of the yards of houses, town, halls
_EARTH_SHARE = np.array([0.13, 0.22, 0.42], dtype=np.float32)
_GABLE_SHARE = np.array([0.55, 0.35, 0.16], dtype=np.float32)
_HIP_SHARE = np.array([0.32, 0.15, 0.02], dtype=np.float32)
_PANEL_SHARE = np.array([0.20, 0.13, 0.20], dtype=np.float32)


def paint_built(canvas: Canvas, at: Indices) -> None:
    """Paint the lots of built blocks and what stands on them."""
    lot, share_v, share_u, lots = find_lots(canvas.style, canvas.layout, at)
    v, u = share_v * lots.lot_v[lot], share_u * lots.lot_u[lot]
    ashore = canvas.layout.water_px[at] <= 0
    _paint_yards(canvas, at[ashore], lot[ashore], lots)
    house = (canvas.layout.blocks.kind[lots.block] == HOUSES)[lot] & lots.dry[lot]
    _paint_gardens(canvas, at[house], lot[house], lots, (v[house], u[house]))
    _paint_roofs(canvas, at, lot, lots)


def _paint_yards(canvas: Canvas, at: Indices, lot: Indices, lots: Lots) -> None:
    kind = canvas.layout.blocks.kind[lots.block]
    pick = draw(lots.key, 20)
    grass = pick < _GRASS_SHARE[kind]
    earth = ~grass & (pick < (_GRASS_SHARE + _EARTH_SHARE)[kind])
    paint_grass(canvas, at[grass[lot]])
    tone = np.float32(0.84) + np.float32(0.32) * draw(lots.key, 21)
    for band in (canvas.red, canvas.green, canvas.blue):
        band[at] *= tone[lot]
    paint_earth(canvas, at[earth[lot]])
    paved = ~(grass | earth)[lot]
    _pave(canvas, at[paved], lot[paved], lots)


def _pave(canvas: Canvas, at: Indices, lot: Indices, lots: Lots) -> None:
    shade = canvas.texture(at, speckle=0.04, fine=0.03, medium=0.07, coarse=0.08)
    canvas.put(at, tinted(_PAVING, draw(lots.key, 22)[lot], shade), class_id=STREET)


def _paint_gardens(
    canvas: Canvas, at: Indices, lot: Indices, lots: Lots, place: tuple[Floats, Floats]
) -> None:
    """Paint drives from the street and pools behind houses; `place` is (v, u) from the lot's middle."""
    v, u = place
    lot_v, lot_u, key = lots.lot_v[lot], lots.lot_u[lot], lots.key
    behind = v * lots.back[lot]
    aside = np.where(draw(key, 23) < np.float32(0.5), np.float32(-0.38), np.float32(0.38))[lot]
    drive = (np.abs(u - aside * lot_u) < np.float32(3.4)) & (behind < np.float32(0.06) * lot_v)
    drive &= (draw(key, 24) < np.float32(0.6))[lot]
    _pave(canvas, at[drive], lot[drive], lots)
    half_v = (np.float32(3) + np.float32(2.6) * draw(key, 25))[lot]
    half_u = (np.float32(4.5) + np.float32(3.6) * draw(key, 26))[lot]
    dv = np.abs(behind - np.float32(0.31) * lot_v) / half_v
    du = np.abs(u + np.float32(0.3) * aside * lot_u) / half_u
    near = (draw(key, 27) < np.float32(0.34))[lot]
    corner = np.where((draw(key, 28) < np.float32(0.5))[lot], np.maximum(dv, du), np.sqrt(dv * dv + du * du))
    deck, pool = near & (corner < np.float32(1.45)), near & (corner < np.float32(1))
    _pave(canvas, at[deck], lot[deck], lots)
    at = at[pool]
    shade = canvas.texture(at, speckle=0.03, fine=0.09, medium=0.05, coarse=0.05)
    clean = np.minimum(np.float32(1.6) * draw(key, 29)[lot[pool]], 1)
    canvas.put(at, blended((56.0, 104.0, 104.0), (92.0, 186.0, 204.0), clean, shade), class_id=POOL)


def _paint_roofs(canvas: Canvas, at: Indices, lot: Indices, lots: Lots) -> None:
    """Paint main buildings and their wings in the frame (p, q) of the long and the short axis."""
    width = canvas.grid.width
    dy = (at // width + (canvas.grid.row_off + 0.5) - lots.y[lot]).astype(np.float32)
    dx = (at % width + (canvas.grid.col_off + 0.5) - lots.x[lot]).astype(np.float32)
    along_y, along_x = lots.along_y[lot], lots.along_x[lot]
    p, q = dy * along_y + dx * along_x, dx * along_y - dy * along_x
    main = (np.abs(p) < lots.half_p[lot]) & (np.abs(q) < lots.half_q[lot])
    wing_p, wing_q = p - lots.wing_p[lot], q - lots.wing_q[lot]
    wing = ~main & (np.abs(wing_p) < lots.wing_half_p[lot]) & (np.abs(wing_q) < lots.wing_half_q[lot])
    half = (lots.half_p[lot[main]], lots.half_q[lot[main]])
    _paint_roof(canvas, at[main], lot[main], lots, (p[main], q[main], *half))
    half = (lots.wing_half_p[lot[wing]], lots.wing_half_q[lot[wing]])
    _paint_roof(canvas, at[wing], lot[wing], lots, (wing_p[wing], wing_q[wing], *half))


def _paint_roof(
    canvas: Canvas, at: Indices, lot: Indices, lots: Lots, frame: tuple[Floats, Floats, Floats, Floats]
) -> None:
    """Paint roofs; `frame` is the place (p, q) from the roof's middle and the half lengths."""
    p, q, half_p, half_q = frame
    kind = canvas.layout.blocks.kind[lots.block]
    form = draw(lots.key, 31)
    gable, hip = _GABLE_SHARE[kind], (_GABLE_SHARE + _HIP_SHARE)[kind]
    pitched, hipped = (form < hip)[lot], ((form >= gable) & (form < hip))[lot]
    end = hipped & (half_p - np.abs(p) < half_q - np.abs(q))
    sloped = _slope(canvas, lots, lot, np.where(end, np.sign(p), 0), np.where(end, 0, np.sign(q)))
    shade = canvas.texture(at, speckle=0.04, fine=0.04, medium=0.05, coarse=0.04)
    shade += np.float32(0.26) * sloped * pitched
    rim = np.minimum(half_p - np.abs(p), half_q - np.abs(q))
    shade += np.where(pitched, _ridges(q, rim, hipped), _flat(lots, lot, (p, q, rim)))
    tiled = (kind == HOUSES) | ((form < hip) & (kind != HALLS))
    pick = draw(lots.key, 32)[lot]
    old, new = tinted(_TILES, pick, shade), tinted(_SHEETS, pick, shade)
    on_tiles = tiled[lot]
    red, green, blue = (np.where(on_tiles, a, b) for a, b in zip(old, new, strict=True))
    canvas.put(at, (red, green, blue), class_id=ROOF)
    rise = np.float32(4) + np.float32(11) * draw(lots.key, 33) * np.where(kind == HOUSES, np.float32(0.3), 1)
    canvas.height_px[at] = rise[lot] + np.where(pitched, np.minimum(rim, np.float32(7)) * np.float32(0.6), 0)
    panel = (
        (draw(lots.key, 34) < _PANEL_SHARE[kind])[lot] & (rim > np.float32(2.2)) & (~pitched | (sloped > 0))
    )
    panel &= np.abs(p) < half_p * np.float32(0.78)
    panel &= pitched & ~hipped | ~pitched & (np.mod(q, np.float32(9)) < np.float32(5.5))
    paint_panels(canvas, at[panel], across=q[panel], along=p[panel])


def _slope(canvas: Canvas, lots: Lots, lot: Indices, facing_p: Floats, facing_q: Floats) -> Floats:
    """Return how far a roof's slope faces the sun, -1..1."""
    sun_y, sun_x = np.float32(canvas.style.sun_y), np.float32(canvas.style.sun_x)
    along_y, along_x = lots.along_y[lot], lots.along_x[lot]
    sun_p, sun_q = sun_y * along_y + sun_x * along_x, sun_x * along_y - sun_y * along_x
    value: Floats = (facing_p * sun_p + facing_q * sun_q).astype(np.float32)
    return value


def _ridges(q: Floats, rim: Floats, hipped: Flags) -> Floats:
    """Return brightness added to pitched roofs: the ridge, courses of tiles, the eaves."""
    ridge = (np.abs(q) < np.float32(0.7)) & ~hipped
    course = np.mod(q, np.float32(3)) < np.float32(1.2)
    value: Floats = (
        np.float32(0.16) * ridge - np.float32(0.05) * course - np.float32(0.10) * (rim < np.float32(0.9))
    )
    return value


def _flat(lots: Lots, lot: Indices, frame: tuple[Floats, Floats, Floats]) -> Floats:
    """Return brightness added to flat roofs: parapet, seams, plant and skylights."""
    p, q, rim = frame
    cell_p, cell_q = np.floor(p / np.float32(15)), np.floor(q / np.float32(15))
    key = keyed(72, lots.key[lot], cell_p.astype(np.int64), cell_q.astype(np.int64))
    box_p = np.abs(p - cell_p * np.float32(15) - np.float32(7.5)) < np.float32(1.5) + np.float32(3) * draw(
        key, 1
    )
    box_q = np.abs(q - cell_q * np.float32(15) - np.float32(7.5)) < np.float32(1.5) + np.float32(2) * draw(
        key, 2
    )
    plant = box_p & box_q & (draw(key, 3) < np.float32(0.22)) & (rim > np.float32(4))
    seam = (np.mod(p, np.float32(6)) < np.float32(1)) & (draw(lots.key, 35) < np.float32(0.5))[lot]
    added = np.float32(0.16) * (rim < np.float32(1.3)) - np.float32(0.07) * seam
    value: Floats = added + plant * (np.float32(0.9) * draw(key, 4) - np.float32(0.5))
    return value
