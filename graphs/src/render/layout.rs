//! Where boxes stand and how wires run: layers from left to right, after Sugiyama, Tagawa and Toda, "Methods for Visual
//! Understanding of Hierarchical System Structures" (1981).
//!
//! 1. Each box goes into the layer after the last one that it takes wires from; boxes without inputs move right, up to
//!    what they feed. Wires that would run back (cycles) are left out of this.
//! 2. A wire over several layers gets a waypoint in each layer between.
//! 3. Layers are ordered by the mean height of what each box is connected with, to and fro; the order with the fewest
//!    crossings is kept.
//! 4. Heights: each box as near to what it is connected with as the order and the gaps allow, in the least squares sense.

/// A box to be placed, with the heights of its ports from its top.
pub(super) struct Item {
    pub width: f64,
    pub height: f64,
    pub inputs: Vec<f64>,
    pub outputs: Vec<f64>,
}

/// A wire from an output to an input, both as box and port.
pub(super) struct Line {
    pub from: (usize, usize),
    pub to: (usize, usize),
}

/// Where everything is.
pub(super) struct Layout {
    /// The top left corner of each box.
    pub boxes: Vec<(f64, f64)>,
    /// For each wire, the stretches in which it runs level, from left to right: (left, right, height).
    pub wires: Vec<Vec<(f64, f64, f64)>>,
    pub width: f64,
    pub height: f64,
}

const ROW_GAP: f64 = 26.0;
const WAYPOINT_GAP: f64 = 12.0;
const COLUMN_GAP: f64 = 64.0;
/// Beyond this many waypoints wires run straight from box to box.
const MAX_WAYPOINTS: usize = 20_000;
const ORDER_SWEEPS: usize = 12;
const HEIGHT_SWEEPS: usize = 10;

/// A box or a waypoint.
struct Vertex {
    width: f64,
    height: f64,
    is_box: bool,
}

/// A piece of a wire between neighbouring layers, with the heights of its ends within their vertices.
struct Piece {
    from: usize,
    from_offset: f64,
    to: usize,
    to_offset: f64,
}

pub(super) fn layout(items: &[Item], lines: &[Line]) -> Layout {
    let forward = without_cycles(items.len(), lines);
    let mut layer_of = layers(items.len(), lines, &forward);
    let mut vertices: Vec<Vertex> =
        items.iter().map(|item| Vertex { width: item.width, height: item.height, is_box: true }).collect();
    let mut pieces = Vec::new();
    let mut waypoints: Vec<Vec<usize>> = Vec::with_capacity(lines.len());
    let spans = lines.iter().zip(&forward).filter(|(_, forward)| **forward);
    let needed: usize = spans.map(|(line, _)| layer_of[line.to.0] - layer_of[line.from.0] - 1).sum();
    for (line, &forward) in lines.iter().zip(&forward) {
        let mut way = Vec::new();
        if forward && needed <= MAX_WAYPOINTS {
            let mut before = (line.from.0, port(&items[line.from.0].outputs, line.from.1));
            for layer in layer_of[line.from.0] + 1..layer_of[line.to.0] {
                vertices.push(Vertex { width: 0.0, height: 0.0, is_box: false });
                layer_of.push(layer);
                let waypoint = vertices.len() - 1;
                way.push(waypoint);
                pieces.push(Piece { from: before.0, from_offset: before.1, to: waypoint, to_offset: 0.0 });
                before = (waypoint, 0.0);
            }
            let end = port(&items[line.to.0].inputs, line.to.1);
            pieces.push(Piece { from: before.0, from_offset: before.1, to: line.to.0, to_offset: end });
        }
        waypoints.push(way);
    }
    let count = layer_of.iter().max().map_or(0, |last| last + 1);
    let mut columns: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (vertex, &layer) in layer_of.iter().enumerate() {
        columns[layer].push(vertex);
    }
    let neighbours = Neighbours::new(vertices.len(), &pieces);
    order(&mut columns, &vertices, &neighbours, &pieces, &layer_of);
    let tops = heights(&columns, &vertices, &neighbours);

    let mut left = 0.0;
    let mut lefts = Vec::with_capacity(count);
    let mut widths = Vec::with_capacity(count);
    for column in &columns {
        let width = column.iter().map(|v| vertices[*v].width).fold(0.0, f64::max);
        lefts.push(left);
        widths.push(width);
        // Many wires between two columns need room to part.
        let wires = column.iter().map(|v| neighbours.right[*v].len()).sum::<usize>();
        left += width + COLUMN_GAP + (wires as f64 * 2.0).min(90.0);
    }
    let boxes: Vec<(f64, f64)> = (0..items.len())
        .map(|i| (lefts[layer_of[i]] + (widths[layer_of[i]] - items[i].width) / 2.0, tops[i]))
        .collect();
    let level = |v: &usize| (lefts[layer_of[*v]], lefts[layer_of[*v]] + widths[layer_of[*v]], tops[*v]);
    let bottoms = boxes.iter().zip(items).map(|(at, item)| at.1 + item.height);
    Layout {
        wires: waypoints.iter().map(|way| way.iter().map(level).collect()).collect(),
        width: lefts.last().zip(widths.last()).map_or(0.0, |(left, width)| left + width),
        height: bottoms.chain(tops.iter().copied()).fold(0.0, f64::max),
        boxes,
    }
}

fn port(offsets: &[f64], index: usize) -> f64 {
    offsets.get(index).copied().unwrap_or(0.0)
}

/// For each wire, whether it runs forward; false for those that close a cycle.
fn without_cycles(count: usize, lines: &[Line]) -> Vec<bool> {
    let mut from: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (i, line) in lines.iter().enumerate() {
        from[line.from.0].push(i);
    }
    let mut forward = vec![true; lines.len()];
    // 0: not seen, 1: on the path, 2: done.
    let mut state = vec![0u8; count];
    for start in 0..count {
        let mut stack = vec![(start, 0)];
        if state[start] != 0 {
            continue;
        }
        state[start] = 1;
        while let Some((node, next)) = stack.last_mut() {
            let Some(&line) = from[*node].get(*next) else {
                state[*node] = 2;
                stack.pop();
                continue;
            };
            *next += 1;
            let to = lines[line].to.0;
            match state[to] {
                0 => {
                    state[to] = 1;
                    stack.push((to, 0));
                }
                1 => forward[line] = false,
                _ => {}
            }
        }
    }
    forward
}

fn layers(count: usize, lines: &[Line], forward: &[bool]) -> Vec<usize> {
    let lines: Vec<&Line> = lines.iter().zip(forward).filter(|(_, forward)| **forward).map(|(line, _)| line).collect();
    let mut waits = vec![0usize; count];
    let mut feeds: Vec<Vec<usize>> = vec![Vec::new(); count];
    for line in &lines {
        waits[line.to.0] += 1;
        feeds[line.from.0].push(line.to.0);
    }
    let is_source: Vec<bool> = waits.iter().map(|waits| *waits == 0).collect();
    let mut layer = vec![0usize; count];
    let mut ready: Vec<usize> = (0..count).filter(|i| is_source[*i]).collect();
    while let Some(node) = ready.pop() {
        for &to in &feeds[node] {
            layer[to] = layer[to].max(layer[node] + 1);
            waits[to] -= 1;
            if waits[to] == 0 {
                ready.push(to);
            }
        }
    }
    for node in (0..count).filter(|i| is_source[*i]) {
        layer[node] = feeds[node].iter().map(|to| layer[*to] - 1).min().unwrap_or(0);
    }
    layer
}

/// For each vertex, the others that it is connected with, with the heights of both ends of the piece.
struct Neighbours {
    left: Vec<Vec<(usize, f64, f64)>>,
    right: Vec<Vec<(usize, f64, f64)>>,
}

impl Neighbours {
    fn new(count: usize, pieces: &[Piece]) -> Self {
        let mut found = Neighbours { left: vec![Vec::new(); count], right: vec![Vec::new(); count] };
        for piece in pieces {
            found.right[piece.from].push((piece.to, piece.from_offset, piece.to_offset));
            found.left[piece.to].push((piece.from, piece.to_offset, piece.from_offset));
        }
        found
    }
}

/// Orders each layer so that few wires cross.
fn order(
    columns: &mut Vec<Vec<usize>>,
    vertices: &[Vertex],
    neighbours: &Neighbours,
    pieces: &[Piece],
    layer_of: &[usize],
) {
    let mut best = columns.clone();
    let mut fewest = usize::MAX;
    let mut place = vec![0.0; vertices.len()];
    for sweep in 0..ORDER_SWEEPS {
        set_places(columns, vertices, &mut place);
        let crossings = crossings(pieces, &place, layer_of);
        if crossings < fewest {
            (fewest, best) = (crossings, columns.clone());
        }
        let rightwards = sweep % 2 == 0;
        let count = columns.len();
        for step in 0..count {
            let layer = if rightwards { step } else { count - 1 - step };
            let sides = if rightwards { &neighbours.left } else { &neighbours.right };
            let mean = |vertex: usize| {
                let side = &sides[vertex];
                let sum: f64 = side.iter().map(|(other, _, offset)| place[*other] + offset).sum();
                if side.is_empty() { place[vertex] } else { sum / side.len() as f64 }
            };
            let mut keyed: Vec<(f64, usize)> = columns[layer].iter().map(|v| (mean(*v), *v)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            columns[layer] = keyed.into_iter().map(|(_, vertex)| vertex).collect();
            set_places(&columns[layer..=layer], vertices, &mut place);
        }
    }
    *columns = best;
}

/// Rough heights: the vertices of a layer below each other.
fn set_places(columns: &[Vec<usize>], vertices: &[Vertex], place: &mut [f64]) {
    for column in columns {
        let mut top = 0.0;
        for &vertex in column {
            place[vertex] = top;
            top += vertices[vertex].height + ROW_GAP;
        }
    }
}

/// How many pairs of wires between the same two layers cross.
fn crossings(pieces: &[Piece], place: &[f64], layer_of: &[usize]) -> usize {
    let mut ends: Vec<(usize, f64, f64)> =
        pieces.iter().map(|p| (layer_of[p.from], place[p.from] + p.from_offset, place[p.to] + p.to_offset)).collect();
    ends.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2)));
    ends.chunk_by(|a, b| a.0 == b.0).map(|layer| inversions(&layer.iter().map(|end| end.2).collect::<Vec<_>>())).sum()
}

/// How many pairs stand in falling order, by merge sort.
fn inversions(values: &[f64]) -> usize {
    fn sort(values: &mut Vec<f64>) -> usize {
        if values.len() < 2 {
            return 0;
        }
        let mut right = values.split_off(values.len() / 2);
        let mut count = sort(values) + sort(&mut right);
        let mut merged = Vec::with_capacity(values.len() + right.len());
        let (mut i, mut j) = (0, 0);
        while i < values.len() || j < right.len() {
            if j == right.len() || (i < values.len() && values[i] <= right[j]) {
                merged.push(values[i]);
                i += 1;
            } else {
                count += values.len() - i;
                merged.push(right[j]);
                j += 1;
            }
        }
        *values = merged;
        count
    }
    sort(&mut values.to_vec())
}

/// The top of each vertex.
fn heights(columns: &[Vec<usize>], vertices: &[Vertex], neighbours: &Neighbours) -> Vec<f64> {
    let mut tops = vec![0.0; vertices.len()];
    for column in columns {
        let wanted: Vec<f64> = column.iter().map(|_| 0.0).collect();
        place_column(column, vertices, &wanted, &mut tops);
    }
    for sweep in 0..HEIGHT_SWEEPS {
        let count = columns.len();
        for step in 0..count {
            let layer = if sweep % 2 == 0 { step } else { count - 1 - step };
            let column = &columns[layer];
            let wanted: Vec<f64> = column
                .iter()
                .map(|&v| {
                    let both = neighbours.left[v].iter().chain(&neighbours.right[v]);
                    let (sum, n) = both
                        .fold((0.0, 0), |(sum, n), (other, mine, theirs)| (sum + tops[*other] + theirs - mine, n + 1));
                    if n == 0 { tops[v] } else { sum / f64::from(n) }
                })
                .collect();
            place_column(column, vertices, &wanted, &mut tops);
        }
    }
    let highest = tops.iter().copied().fold(f64::INFINITY, f64::min);
    tops.iter_mut().for_each(|top| *top -= highest);
    tops
}

/// Puts the vertices of a layer as near to where they want to be as their order and gaps allow: least squares, by
/// pooling neighbours that would overlap (isotonic regression).
fn place_column(column: &[usize], vertices: &[Vertex], wanted: &[f64], tops: &mut [f64]) {
    // Taking off the room that the vertices above need turns "no overlap" into "not falling".
    let mut room = 0.0;
    let mut rooms = Vec::with_capacity(column.len());
    for (i, &vertex) in column.iter().enumerate() {
        rooms.push(room);
        let gap = match column.get(i + 1) {
            Some(&next) if !vertices[vertex].is_box && !vertices[next].is_box => WAYPOINT_GAP,
            _ => ROW_GAP,
        };
        room += vertices[vertex].height + gap;
    }
    // Blocks of vertices that stand as close as possible: the sum of their wishes and their number. Waypoints wish
    // harder, so that long wires run straight.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for (i, &vertex) in column.iter().enumerate() {
        let weight = if vertices[vertex].is_box { 1.0 } else { 2.0 };
        let mut block = ((wanted[i] - rooms[i]) * weight, weight, 1);
        while let Some(&(sum, total, count)) = blocks.last() {
            if sum / total <= block.0 / block.1 {
                break;
            }
            blocks.pop();
            block = (block.0 + sum, block.1 + total, block.2 + count);
        }
        blocks.push(block);
    }
    let mut members = column.iter().zip(&rooms);
    for (sum, total, count) in blocks {
        for (&vertex, room) in members.by_ref().take(count) {
            tops[vertex] = sum / total + room;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    fn item() -> Item {
        Item { width: 100.0, height: 50.0, inputs: vec![20.0, 30.0], outputs: vec![20.0] }
    }

    fn line(from: usize, to: usize) -> Line {
        Line { from: (from, 0), to: (to, 0) }
    }

    #[test]
    fn a_chain_runs_straight_to_the_right() {
        let placed = layout(&[item(), item(), item()], &[line(2, 0), line(0, 1)]);
        let x = |i: usize| placed.boxes[i].0;
        assert!(x(2) + 100.0 < x(0) && x(0) + 100.0 < x(1));
        assert!(placed.boxes.iter().all(|at| (at.1 - placed.boxes[0].1).abs() < 1e-6));
    }

    #[test]
    fn crossed_wires_are_uncrossed() {
        let items: Vec<Item> = (0..6).map(|_| item()).collect();
        let placed = layout(&items, &[line(0, 5), line(1, 4), line(2, 3)]);
        let y = |i: usize| placed.boxes[i].1;
        for (a, b) in [(0, 5), (1, 4), (2, 3)] {
            assert!((y(a) - y(b)).abs() < 1e-6, "wire {a} -> {b} is not straight");
        }
    }

    #[test]
    fn inversions_are_crossings() {
        assert_eq!(inversions(&[1.0, 2.0, 3.0]), 0);
        assert_eq!(inversions(&[3.0, 2.0, 1.0]), 3);
        assert_eq!(inversions(&[1.0, 1.0]), 0);
    }

    #[test]
    fn boxes_never_overlap_whatever_the_graph_cycles_included() {
        for seed in 0..100 {
            let mut r = Random(seed);
            let count = 1 + r.below(25);
            let items: Vec<Item> = (0..count)
                .map(|_| Item { width: 40.0 + r.below(200) as f64, height: 20.0 + r.below(200) as f64, ..item() })
                .collect();
            let lines: Vec<Line> = (0..r.below(60)).map(|_| line(r.below(count), r.below(count))).collect();
            let placed = layout(&items, &lines);
            for a in 0..count {
                let (ax, ay) = placed.boxes[a];
                assert!(ax >= 0.0 && ay >= 0.0 && ax + items[a].width <= placed.width + 1e-6);
                assert!(ay + items[a].height <= placed.height + 1e-6);
                for b in 0..a {
                    let (bx, by) = placed.boxes[b];
                    let apart = ax + items[a].width < bx + 1e-6
                        || bx + items[b].width < ax + 1e-6
                        || ay + items[a].height < by + 1e-6
                        || by + items[b].height < ay + 1e-6;
                    assert!(apart, "seed {seed}: boxes {a} and {b} overlap");
                }
            }
        }
    }
}
