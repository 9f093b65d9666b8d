"""What the product does with faces, as its references do it: InstantID's picture of key points, insightface's crop."""

import math

import cv2
import numpy as np

# insightface's template for crops of 112 pixels.
TEMPLATE = np.float32([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255)]


def draw_kps(width, height, faces):
    """Key points `[N,5,2]` as RGB u8 `[height,width,3]`: four sticks from the nose, dimmed, and discs over them."""
    picture = np.zeros([height, width, 3], np.uint8)
    for points in faces:
        for limb in (0, 1, 3, 4):
            (x, y), (nose_x, nose_y) = points[limb], points[2]
            length = math.hypot(x - nose_x, y - nose_y)
            angle = int(math.degrees(math.atan2(y - nose_y, x - nose_x)))
            centre = (int((x + nose_x) / 2), int((y + nose_y) / 2))
            polygon = cv2.ellipse2Poly(centre, (int(length / 2), 4), angle, 0, 360, 1)
            cv2.fillConvexPoly(picture, polygon, COLOURS[limb])
    picture = (picture * 0.6).astype(np.uint8)
    for points in faces:
        for (x, y), colour in zip(points, COLOURS):
            cv2.circle(picture, (int(x), int(y)), 10, colour, -1)
    return picture


def similarity(points, template=TEMPLATE):
    """The 2x3 matrix that turns, scales and moves five points nearest to the template (Umeyama)."""
    source, target = np.float64(points), np.float64(template)
    ms, mt = source.mean(0), target.mean(0)
    s, t = source - ms, target - mt
    u, d, v = np.linalg.svd(t.T @ s / 5)
    signs = np.array([1.0, -1.0 if np.linalg.det(u @ v) < 0 else 1.0])
    turn = u @ np.diag(signs) @ v
    scale = (d * signs).sum() / s.var(0).sum()
    return np.hstack([scale * turn, (mt - scale * turn @ ms)[:, None]])


def crop(picture, points):
    """The face as recognisers want it: RGB u8 `[112,112,3]`."""
    return cv2.warpAffine(picture, similarity(points), (112, 112), borderValue=0)


def recogniser_input(crops):
    """Crops as f32 `[N,3,112,112]`."""
    return (np.float32(crops).transpose(0, 3, 1, 2) - 127.5) / 127.5


def canny(picture):
    """White edges on black, RGB u8, with the thresholds that the product's node begins with."""
    edges = cv2.Canny(picture, 100, 200)
    return np.repeat(edges[:, :, None], 3, axis=2)
