//! SVG, laid out here.

use super::color::{family_colors, text_width, type_color};
use super::layout::{Item, Layout, Line, layout};
use super::{Look, NodeBox, Picture, Shown, Wire};
use selfsame_sdk::Type;
use std::collections::BTreeMap;
use std::fmt::Write;

const MARGIN: f64 = 32.0;
const HEAD: f64 = 42.0;
const ROW: f64 = 21.0;
const BOTTOM: f64 = 8.0;
const SIDE: f64 = 14.0;
const TEXT: f64 = 12.0;
const ID: f64 = 13.5;
const SMALL: f64 = 11.0;
/// How much wider bold text is.
const BOLD: f64 = 1.14;

impl Picture {
    /// The graph as an SVG picture: boxes from left to right, wires in the colours of their types, a legend below.
    /// Broad wires carry lists, dashed ones are lazy.
    pub fn svg(&self) -> String {
        let items: Vec<Item> = self.boxes.iter().map(measure).collect();
        let lines: Vec<Line> = self.wires.iter().map(|wire| Line { from: wire.from, to: wire.to }).collect();
        let placed = layout(&items, &lines);
        let mut drawing = Drawing { out: String::new() };
        let width = (placed.width + 2.0 * MARGIN).max(text_width(&self.title, 20.0) + 2.0 * MARGIN).max(360.0);
        let top = drawing.header(self, width);
        drawing.put(format_args!("<g transform=\"translate({MARGIN} {top})\">"));
        for (index, wire) in self.wires.iter().enumerate() {
            drawing.wire(self, wire, &placed, &items, index);
        }
        for (node, (item, at)) in self.boxes.iter().zip(items.iter().zip(&placed.boxes)) {
            drawing.node(node, item, *at);
        }
        drawing.put(format_args!("</g>"));
        let height = drawing.legend(self, top + placed.height + 30.0, width) + 18.0;
        let title = escape(&self.title);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"Inter, 'Helvetica Neue', Arial, 'DejaVu Sans', \
             sans-serif\" font-size=\"{TEXT}\">\n<title>{title}</title>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fbfaf7\"/>\n{}</svg>\n",
            drawing.out
        )
    }
}

/// How large a box is, and where its ports are.
fn measure(node: &NodeBox) -> Item {
    if node.look == Look::GraphOutput {
        let width = text_width(&node.id, ID) * BOLD + 2.0 * SIDE + 6.0;
        return Item { width, height: 30.0, inputs: vec![15.0], outputs: Vec::new() };
    }
    let input = |row: &super::Row| {
        let value = match &row.shown {
            Shown::Wires => 0.0,
            Shown::Literal(text) => text_width(text, TEXT) + 12.0,
            Shown::Arg(name) => text_width(name, SMALL) + 32.0,
        };
        text_width(&row.name, TEXT) + value
    };
    let inputs = node.inputs.iter().map(input).fold(0.0, f64::max);
    let outputs = node.outputs.iter().map(|port| text_width(&port.name, TEXT)).fold(0.0, f64::max);
    let head = (text_width(&node.id, ID) * BOLD).max(text_width(&node.type_name, SMALL));
    let between = if inputs > 0.0 && outputs > 0.0 { 22.0 } else { 0.0 };
    let rows = node.inputs.len().max(node.outputs.len());
    let offset = |i: usize| HEAD + 6.0 + ROW * (i as f64 + 0.5);
    Item {
        width: (inputs + between + outputs).max(head).max(84.0) + 2.0 * SIDE,
        height: HEAD + if rows > 0 { 6.0 + ROW * rows as f64 + BOTTOM } else { 0.0 },
        inputs: (0..node.inputs.len()).map(offset).collect(),
        outputs: (0..node.outputs.len()).map(offset).collect(),
    }
}

struct Drawing {
    out: String,
}

impl Drawing {
    fn put(&mut self, element: std::fmt::Arguments) {
        let _ = writeln!(self.out, "{element}");
    }

    fn text(&mut self, x: f64, y: f64, size: f64, style: &str, text: &str) {
        self.put(format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" {style}>{}</text>", escape(text)));
    }

    /// Title and arguments; gives the height below them.
    fn header(&mut self, picture: &Picture, width: f64) -> f64 {
        self.text(MARGIN, 44.0, 20.0, "font-weight=\"700\" fill=\"#26241f\"", &picture.title);
        let mut y = 44.0;
        if !picture.subtitle.is_empty() {
            y += 20.0;
            self.text(MARGIN, y, TEXT, "fill=\"#78746a\"", &cut(&picture.subtitle, TEXT, width - 2.0 * MARGIN));
        }
        if !picture.args.is_empty() {
            y += 14.0;
            let mut x = MARGIN;
            for arg in &picture.args {
                let name = text_width(&arg.name, SMALL) * BOLD;
                let detail = match &arg.default {
                    Some(default) => format!("{} = {default}", arg.kind),
                    None => arg.kind.to_owned(),
                };
                let chip = name + text_width(&detail, SMALL) + 30.0;
                if x > MARGIN && x + chip > width - MARGIN {
                    x = MARGIN;
                    y += 30.0;
                }
                self.put(format_args!(
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{chip:.1}\" height=\"22\" rx=\"11\" fill=\"#fff6d8\" \
                     stroke=\"#e3cf8f\"/>"
                ));
                self.text(x + 11.0, y + 15.0, SMALL, "font-weight=\"700\" fill=\"#6b5410\"", &arg.name);
                self.text(x + 18.0 + name, y + 15.0, SMALL, "fill=\"#8d7a41\"", &detail);
                x += chip + 8.0;
            }
            y += 22.0;
        }
        y + 30.0
    }

    fn wire(&mut self, picture: &Picture, wire: &Wire, placed: &Layout, items: &[Item], index: usize) {
        let ((from, output), (to, input)) = (wire.from, wire.to);
        let mut x = placed.boxes[from].0 + items[from].width;
        let mut y = placed.boxes[from].1 + items[from].outputs[output];
        let end = (placed.boxes[to].0, placed.boxes[to].1 + items[to].inputs[input]);
        let mut path = format!("M{x:.1} {y:.1}");
        let mut curve = |x: f64, y: f64, to_x: f64, to_y: f64| {
            let pull = (to_x - x) * 0.5;
            let _ = write!(path, "C{:.1} {y:.1} {:.1} {to_y:.1} {to_x:.1} {to_y:.1}", x + pull, to_x - pull);
        };
        for &(left, right, level) in &placed.wires[index] {
            curve(x, y, left, level);
            curve(left, level, right, level);
            (x, y) = (right, level);
        }
        if end.0 > x {
            curve(x, y, end.0, end.1);
        } else {
            // A wire that closes a cycle runs back below both boxes.
            let bottom = |i: usize| placed.boxes[i].1 + items[i].height;
            let low = bottom(from).max(bottom(to)) + 12.0;
            let (right, left) = (x + 26.0, end.0 - 26.0);
            let _ = write!(path, "C{right:.1} {y:.1} {right:.1} {low:.1} {x:.1} {low:.1}H{:.1}", end.0);
            let _ = write!(path, "C{left:.1} {low:.1} {left:.1} {:.1} {:.1} {:.1}", end.1, end.0, end.1);
        }
        let width = if matches!(wire.ty, Type::List(_)) { 4.0 } else { 2.0 };
        let dash = if wire.lazy { " stroke-dasharray=\"6 4\"" } else { "" };
        let faded = picture.boxes[from].bypassed || picture.boxes[to].bypassed;
        let opacity = if faded { 0.35 } else { 0.85 };
        self.put(format_args!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\" stroke-opacity=\"{opacity}\"{dash}>\
             <title>{}</title></path>",
            type_color(&wire.ty),
            escape(&wire.ty.to_string())
        ));
    }

    fn node(&mut self, node: &NodeBox, item: &Item, (x, y): (f64, f64)) {
        let (width, height) = (item.width, item.height);
        if node.look == Look::GraphOutput {
            let color = type_color(&node.inputs[0].ty);
            self.put(format_args!(
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"15\" fill=\"#ffffff\" \
                 stroke=\"{color}\" stroke-width=\"2\"/>"
            ));
            self.text(x + SIDE + 4.0, y + 20.0, ID, "font-weight=\"700\" fill=\"#26241f\"", &node.id);
            return self.port(x, y + item.inputs[0], &node.inputs[0].ty, true);
        }
        let (head, edge) = match node.look {
            Look::Unknown => ("#fdecea".to_owned(), "#d0493e".to_owned()),
            _ => family_colors(&node.family),
        };
        let opacity = if node.bypassed { " opacity=\"0.5\"" } else { "" };
        let dash = if node.bypassed || node.look == Look::Unknown { " stroke-dasharray=\"5 4\"" } else { "" };
        self.put(format_args!("<g{opacity}>"));
        let frame = |dx: f64, dy: f64, style: &str| {
            let (x, y) = (x + dx, y + dy);
            format!("<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"8\" {style}/>")
        };
        if node.look == Look::Subgraph {
            // A second sheet behind it: there is more inside.
            self.put(format_args!("{}", frame(5.0, 5.0, &format!("fill=\"#ffffff\" stroke=\"{edge}\""))));
        } else {
            self.put(format_args!("{}", frame(0.0, 2.5, "fill=\"#57503f\" fill-opacity=\"0.10\"")));
        }
        self.put(format_args!("{}", frame(0.0, 0.0, "fill=\"#ffffff\"")));
        let (right, bottom) = (x + width, y + HEAD);
        let low = if height > HEAD {
            format!("V{bottom:.1}H{x:.1}")
        } else {
            format!("V{:.1}q0 8 -8 8H{:.1}q-8 0 -8 -8", bottom - 8.0, x + 8.0)
        };
        self.put(format_args!(
            "<path d=\"M{x:.1} {:.1}q0 -8 8 -8H{:.1}q8 0 8 8{low}Z\" fill=\"{head}\"/>",
            y + 8.0,
            right - 8.0
        ));
        self.put(format_args!(
            "{}",
            frame(0.0, 0.0, &format!("fill=\"none\" stroke=\"{edge}\" stroke-width=\"1.2\"{dash}"))
        ));
        self.text(x + SIDE, y + 18.0, ID, "font-weight=\"700\" fill=\"#26241f\"", &node.id);
        self.text(x + SIDE, y + 33.5, SMALL, "fill=\"#78746a\"", &node.type_name);
        for (row, offset) in node.inputs.iter().zip(&item.inputs) {
            self.row(row, x, y + offset);
        }
        for (port, offset) in node.outputs.iter().zip(&item.outputs) {
            let color = if port.linked { "#3b382f" } else { "#aca79b" };
            let style = format!("text-anchor=\"end\" fill=\"{color}\"");
            self.text(right - SIDE, y + offset + 4.0, TEXT, &style, &port.name);
            self.port(right, y + offset, &port.ty, port.linked);
        }
        self.put(format_args!("</g>"));
    }

    fn row(&mut self, row: &super::Row, x: f64, y: f64) {
        self.text(x + SIDE, y + 4.0, TEXT, "fill=\"#3b382f\"", &row.name);
        let after = x + SIDE + text_width(&row.name, TEXT) + 6.0;
        match &row.shown {
            Shown::Wires => self.port(x, y, &row.ty, true),
            Shown::Literal(text) => self.text(after, y + 4.0, TEXT, "fill=\"#8a857a\"", text),
            Shown::Arg(name) => {
                let width = text_width(name, SMALL) + 16.0;
                self.put(format_args!(
                    "<rect x=\"{after:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"16\" rx=\"8\" fill=\"#fff6d8\" \
                     stroke=\"#e3cf8f\"/>",
                    y - 8.0
                ));
                self.text(after + 8.0, y + 4.0, SMALL, "fill=\"#6b5410\"", name);
            }
        }
    }

    fn port(&mut self, x: f64, y: f64, ty: &Type, linked: bool) {
        let color = type_color(ty);
        let (fill, stroke) = if linked { (&*color, "#ffffff") } else { ("#ffffff", &*color) };
        let title = escape(&ty.to_string());
        let style = format!("fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"1.5\"");
        // A list is a square.
        match ty {
            Type::List(_) => self.put(format_args!(
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\" rx=\"2\" {style}><title>{title}</title></rect>",
                x - 5.0,
                y - 5.0
            )),
            _ => self.put(format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" {style}><title>{title}</title></circle>")),
        }
    }

    /// The types of all wires with their colours; gives the height of the whole picture.
    fn legend(&mut self, picture: &Picture, top: f64, width: f64) -> f64 {
        let types: BTreeMap<String, &Type> = picture.wires.iter().map(|wire| (wire.ty.to_string(), &wire.ty)).collect();
        let (mut x, mut y) = (MARGIN + 5.0, top);
        for (name, ty) in types {
            let step = text_width(&name, SMALL) + 34.0;
            if x + step > width - MARGIN && x > MARGIN + 5.0 {
                x = MARGIN + 5.0;
                y += 20.0;
            }
            self.port(x, y, ty, true);
            self.text(x + 10.0, y + 4.0, SMALL, "fill=\"#78746a\"", &name);
            x += step;
        }
        y
    }
}

/// `text`, cut so that it fits.
fn cut(text: &str, size: f64, room: f64) -> String {
    let mut kept = String::new();
    for c in text.chars() {
        if text_width(&kept, size) + 2.0 * size > room {
            return kept + "…";
        }
        kept.push(c);
    }
    kept
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no way to write these.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
