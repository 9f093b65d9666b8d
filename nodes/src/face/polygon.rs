//! Filled shapes, pixel by pixel as OpenCV draws them.
//!
//! **Source**: OpenCV 4.9 to 5.0, `modules/imgproc/src/drawing.cpp`: `ellipse2Poly`, `fillConvexPoly` with 8-connected
//! outlines and no fractional bits, filled `circle`.

use crate::image::bytes::Bytes;

/// A corner, x and y in pixels.
pub type Point = [i64; 2];

/// Bits behind the point in the scan of a polygon.
const SHIFT: u32 = 16;

/// A polygon around an ellipse with half axes `[rx, ry]`, turned by whole degrees.
pub fn ellipse(center: Point, axes: [i64; 2], angle: i64) -> Vec<Point> {
    let angle = angle.rem_euclid(360);
    let (sin, cos) = (sine(angle), sine(450 - angle));
    let mut points: Vec<Point> = Vec::new();
    for degree in 0..=360 {
        let (x, y) = (axes[0] as f64 * sine(450 - degree), axes[1] as f64 * sine(degree));
        let turned = [center[0] as f64 + x * cos - y * sin, center[1] as f64 + x * sin + y * cos];
        let point = turned.map(|value| value.round_ties_even() as i64);
        if points.last() != Some(&point) {
            points.push(point);
        }
    }
    if points.len() == 1 {
        points = vec![center; 2];
    }
    points
}

/// The sine of whole degrees, -360 to 450, as OpenCV's table has it: seven digits, in f32.
fn sine(degree: i64) -> f64 {
    let digits = ((degree as f64).to_radians().sin() * 1e7).round();
    f64::from((digits / 1e7) as f32)
}

/// Fills a convex polygon with a colour, its outline included.
pub fn fill_convex(canvas: &mut Bytes, polygon: &[Point], color: [u8; 3]) {
    let Some(last) = polygon.last() else { return };
    let mut from = *last;
    for to in polygon {
        line(canvas, from, *to, color);
        from = *to;
    }
    let ys = || polygon.iter().map(|point| point[1]);
    let (Some(top), Some(bottom)) = (ys().min(), ys().max()) else { return };
    let bottom = bottom.min(canvas.size()[1] as i64 - 1);
    if polygon.len() < 3 || bottom < 0 {
        return;
    }
    let first = ys().position(|y| y == top).unwrap_or(0);
    let mut sides =
        [1, polygon.len() - 1].map(|step| Side { corner: first, step, until: top, x: -(1 << SHIFT), slope: 0 });
    let mut corners = polygon.len();
    for y in top..=bottom {
        for side in &mut sides {
            side.advance(polygon, y, &mut corners);
        }
        let half = 1 << (SHIFT - 1);
        let ends = sides.each_ref().map(|side| side.x);
        let [left, right] = [ends[0].min(ends[1]), ends[0].max(ends[1])].map(|x| (x + half) >> SHIFT);
        span(canvas, y, left, right, color);
        sides.iter_mut().for_each(|side| side.x += side.slope);
    }
}

/// One of the two chains of edges that a scan goes down.
struct Side {
    corner: usize,
    step: usize,
    until: i64,
    x: i64,
    slope: i64,
}

impl Side {
    /// Takes the next edge that leads further down, if the present one has ended. `corners` are those that are left.
    fn advance(&mut self, polygon: &[Point], y: i64, corners: &mut usize) {
        if y < self.until {
            return;
        }
        let next = |corner: usize| (corner + self.step) % polygon.len();
        let mut from = self.corner;
        while *corners > 0 {
            *corners -= 1;
            let to = next(from);
            let [to_x, to_y] = polygon[to];
            if to_y > y {
                let (start, end) = (polygon[from][0] << SHIFT, to_x << SHIFT);
                self.until = to_y;
                self.slope = ((end - start) * 2 + (to_y - y)) / (2 * (to_y - y));
                self.x = start;
                self.corner = to;
                return;
            }
            from = to;
        }
    }
}

/// Fills a circle.
pub fn disc(canvas: &mut Bytes, [x, y]: Point, radius: i64, color: [u8; 3]) {
    let (mut error, mut across, mut down, mut plus, mut minus) = (0, radius, 0, 1, (radius << 1) - 1);
    while across >= down {
        for (half_width, distance) in [(across, down), (down, across)] {
            span(canvas, y - distance, x - half_width, x + half_width, color);
            span(canvas, y + distance, x - half_width, x + half_width, color);
        }
        down += 1;
        error += plus;
        plus += 2;
        if error > 0 {
            error -= minus;
            across -= 1;
            minus -= 2;
        }
    }
}

/// Colours the pixels of a row from `left` to `right`, both included, as far as they are on the canvas.
fn span(canvas: &mut Bytes, y: i64, left: i64, right: i64, color: [u8; 3]) {
    let [width, height] = canvas.size();
    let (left, right) = (left.max(0), right.min(width as i64 - 1));
    if !(0..height as i64).contains(&y) || left > right {
        return;
    }
    let row = &mut canvas.data_mut()[y as usize * width * 3..][..width * 3];
    row[left as usize * 3..(right as usize + 1) * 3]
        .chunks_exact_mut(3)
        .for_each(|pixel| pixel.copy_from_slice(&color));
}

/// An 8-connected line.
fn line(canvas: &mut Bytes, from: Point, to: Point, color: [u8; 3]) {
    let Some([from, to]) = clipped(canvas.size().map(|side| side as i64 - 1), [from, to]) else { return };
    // From left to right, so that a line is the same from both its ends.
    let [from, to] = if to[0] < from[0] { [to, from] } else { [from, to] };
    let (width, height) = (to[0] - from[0], (to[1] - from[1]).abs());
    let down = if to[1] < from[1] { -1 } else { 1 };
    let is_steep = height > width;
    let (long, short) = if is_steep { (height, width) } else { (width, height) };
    let [mut x, mut y] = from;
    let mut error = long - 2 * short;
    for _ in 0..=long {
        span(canvas, y, x, x, color);
        let is_stepping = error < 0;
        error += if is_stepping { 2 * long - 2 * short } else { -2 * short };
        if is_steep || is_stepping {
            y += down;
        }
        if !is_steep || is_stepping {
            x += 1;
        }
    }
}

/// The part of a line that lies between 0 and `[right, bottom]`, cut as OpenCV cuts it.
fn clipped([right, bottom]: Point, ends: [Point; 2]) -> Option<[Point; 2]> {
    let [[mut x1, mut y1], [mut x2, mut y2]] = ends;
    let beyond_x = |x: i64| i32::from(x < 0) + i32::from(x > right) * 2;
    let beyond = |x: i64, y: i64| beyond_x(x) + i32::from(y < 0) * 4 + i32::from(y > bottom) * 8;
    // How far one coordinate goes while the other goes from `start` to `edge`.
    let along = |edge: i64, start: i64, rise: i64, run: i64| ((edge - start) as f64 * rise as f64 / run as f64) as i64;
    let (mut c1, mut c2) = (beyond(x1, y1), beyond(x2, y2));
    if c1 & c2 == 0 && c1 | c2 != 0 {
        if c1 & 12 != 0 {
            let edge = if c1 < 8 { 0 } else { bottom };
            x1 += along(edge, y1, x2 - x1, y2 - y1);
            y1 = edge;
            c1 = beyond_x(x1);
        }
        if c2 & 12 != 0 {
            let edge = if c2 < 8 { 0 } else { bottom };
            x2 += along(edge, y2, x2 - x1, y2 - y1);
            y2 = edge;
            c2 = beyond_x(x2);
        }
        if c1 & c2 == 0 && c1 | c2 != 0 {
            if c1 != 0 {
                let edge = if c1 == 1 { 0 } else { right };
                y1 += along(edge, x1, y2 - y1, x2 - x1);
                x1 = edge;
                c1 = 0;
            }
            if c2 != 0 {
                let edge = if c2 == 1 { 0 } else { right };
                y2 += along(edge, x2, y2 - y1, x2 - x1);
                x2 = edge;
                c2 = 0;
            }
        }
    }
    (c1 | c2 == 0).then_some([[x1, y1], [x2, y2]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_set(canvas: &Bytes, x: i64, y: i64) -> bool {
        canvas.pixel(x, y).unwrap() != [0, 0, 0]
    }

    #[test]
    fn a_disc_has_the_rows_of_opencv() {
        let mut canvas = Bytes::black([41, 41], 3).unwrap();
        disc(&mut canvas, [20, 20], 10, [1, 2, 3]);
        let half = [0, 4, 6, 7, 8, 8, 9, 9, 9, 9, 10, 9, 9, 9, 9, 8, 8, 7, 6, 4, 0];
        for (row, half) in half.into_iter().enumerate() {
            for x in 0..41 {
                assert_eq!(is_set(&canvas, x, row as i64 + 10), (20 - half..=20 + half).contains(&x), "{x} {row}");
            }
        }
    }

    #[test]
    fn a_flat_ellipse() {
        let polygon = ellipse([10, 10], [5, 0], 0);
        assert_eq!((polygon[0], polygon.len()), ([15, 10], 21));
        assert_eq!(ellipse([3, 4], [0, 0], 77), [[3, 4]; 2]);
        // A right angle swaps the axes.
        assert!(ellipse([0, 0], [4, 2], 90).iter().all(|[x, y]| x.abs() <= 2 && y.abs() <= 4));
        assert_eq!(ellipse([0, 0], [9, 4], -30), ellipse([0, 0], [9, 4], 330));
    }

    #[test]
    fn a_square_is_filled_with_its_border_and_cut_at_the_canvas() {
        let mut canvas = Bytes::black([6, 5], 3).unwrap();
        fill_convex(&mut canvas, &[[-3, 1], [2, 1], [2, 9], [-3, 9]], [9, 9, 9]);
        for y in 0..5 {
            for x in 0..6 {
                assert_eq!(is_set(&canvas, x, y), x <= 2 && y >= 1, "{x} {y}");
            }
        }
        fill_convex(&mut canvas, &[], [1; 3]);
        fill_convex(&mut canvas, &[[0, -9], [1, -9], [1, -8]], [1; 3]);
    }
}
