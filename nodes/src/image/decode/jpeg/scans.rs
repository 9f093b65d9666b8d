//! The coded part of a JPEG file: the coefficients of every block.
//!
//! **Source**: ITU-T T.81 (1992), annexes B (markers), C and F (Huffman coding, sequential) and G (progressive).
//!
//! Only what is written by the book is read here; whatever else a file holds (errors, arithmetic coding, 12 bits) gives none.

use super::bits::{Bits, Huffman};

/// From the order in a file to rows of 8: T.81, figure A.6.
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// More scans than any program writes; each goes over the whole picture.
const MAX_SCANS: usize = 100;

/// 64 coefficients, row by row.
pub type Block = [i16; 64];

/// A colour component.
pub struct Component {
    id: u8,
    /// Samples beside and above one another for each unit of the picture.
    pub sampling: [usize; 2],
    table: usize,
    /// The quantisation of each coefficient, row by row.
    pub quantisation: Option<[u16; 64]>,
    /// Blocks beside and above one another, whole units of the picture.
    pub blocks: [usize; 2],
    /// The blocks, row by row.
    pub coefficients: Vec<Block>,
}

/// A picture before its coefficients become pixels.
pub struct Picture {
    /// Width and height in pixels.
    pub size: [usize; 2],
    /// 1, 3 or 4 of them.
    pub components: Vec<Component>,
    /// What Adobe's segment says of the colours.
    pub adobe: Option<u8>,
    /// Whether there is a JFIF segment.
    pub is_jfif: bool,
}

impl Picture {
    /// The largest sampling of all components.
    pub fn most(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.components.iter().map(|component| component.sampling[axis]).max().unwrap_or(1))
    }

    /// The identifiers of the components.
    pub fn ids(&self) -> Vec<u8> {
        self.components.iter().map(|component| component.id).collect()
    }
}

/// Reads all scans of a file.
pub fn read(bytes: &[u8]) -> Option<Picture> {
    let mut reader = Reader { bytes, at: 2, ..Reader::new(bytes) };
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return None;
    }
    for _ in 0..bytes.len() {
        match reader.marker()? {
            0xd9 => return reader.finish(),
            0xda => reader.scan()?,
            0xc0..=0xc2 => reader.frame()?,
            0xc4 => reader.huffman_tables()?,
            0xdb => reader.quantisation_tables()?,
            0xdd => reader.restart_every = usize::from(word(reader.segment()?.get(..2)?)?),
            0xe0 => reader.is_jfif |= reader.segment()?.starts_with(b"JFIF\0"),
            0xee => {
                let segment = reader.segment()?;
                if segment.starts_with(b"Adobe") {
                    reader.adobe = Some(*segment.get(11)?);
                }
            }
            0xe1..=0xef | 0xfe => drop(reader.segment()?),
            _ => return None,
        }
    }
    None
}

fn word(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.first_chunk()?))
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    picture: Option<Picture>,
    is_progressive: bool,
    scans: usize,
    restart_every: usize,
    adobe: Option<u8>,
    is_jfif: bool,
    quantisation: [Option<[u16; 64]>; 4],
    /// For DC, then for AC.
    huffman: [[Option<Huffman>; 4]; 2],
}

impl<'b> Reader<'b> {
    fn new(bytes: &'b [u8]) -> Self {
        Reader {
            bytes,
            at: 0,
            picture: None,
            is_progressive: false,
            scans: 0,
            restart_every: 0,
            adobe: None,
            is_jfif: false,
            quantisation: [None; 4],
            huffman: Default::default(),
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    /// The next marker, which must be right here. Any number of 0xff may stand before it.
    fn marker(&mut self) -> Option<u8> {
        if self.byte()? != 0xff {
            return None;
        }
        loop {
            match self.byte()? {
                0xff => {}
                marker => return Some(marker),
            }
        }
    }

    fn segment(&mut self) -> Option<&'b [u8]> {
        let length = usize::from(word(self.bytes.get(self.at..)?)?);
        let segment = self.bytes.get(self.at + 2..self.at + length)?;
        self.at += length;
        Some(segment)
    }

    fn quantisation_tables(&mut self) -> Option<()> {
        let mut rest = self.segment()?;
        while let [head, tail @ ..] = rest {
            let (wide, length) = (head >> 4 == 1, if head >> 4 == 1 { 128 } else { 64 });
            let values = tail.get(..length)?;
            let mut table = [0; 64];
            for (i, to) in ZIGZAG.into_iter().enumerate() {
                table[to] = if wide { word(&values[2 * i..])? } else { u16::from(values[i]) };
            }
            *self.quantisation.get_mut(usize::from(head & 15))? = Some(table);
            rest = &tail[length..];
        }
        Some(())
    }

    fn huffman_tables(&mut self) -> Option<()> {
        let mut rest = self.segment()?;
        while let [head, tail @ ..] = rest {
            let counts: &[u8; 16] = tail.first_chunk()?;
            let count = counts.iter().map(|count| usize::from(*count)).sum::<usize>();
            let symbols = tail.get(16..16 + count)?;
            let table = self.huffman.get_mut(usize::from(head >> 4))?.get_mut(usize::from(head & 15))?;
            *table = Some(Huffman::new(counts, symbols)?);
            rest = &tail[16 + count..];
        }
        Some(())
    }

    fn frame(&mut self) -> Option<()> {
        self.is_progressive = self.bytes.get(self.at - 1) == Some(&0xc2);
        let segment = self.segment()?;
        let [8, h1, h0, w1, w0, count, parts @ ..] = segment else { return None };
        let size = [[*w1, *w0], [*h1, *h0]].map(|side| usize::from(u16::from_be_bytes(side)));
        if self.picture.is_some() || size.contains(&0) || !matches!(count, 1 | 3 | 4) {
            return None;
        }
        let (parts, []) = parts.as_chunks::<3>() else { return None };
        if parts.len() != usize::from(*count) {
            return None;
        }
        let components = parts.iter().map(|[id, sampling, table]| Component {
            id: *id,
            sampling: [sampling >> 4, sampling & 15].map(usize::from),
            table: usize::from(*table),
            quantisation: None,
            blocks: [0; 2],
            coefficients: Vec::new(),
        });
        let mut picture = Picture { size, components: components.collect(), adobe: None, is_jfif: false };
        let most = picture.most();
        for component in &mut picture.components {
            if component.sampling.iter().any(|factor| !matches!(factor, 1..=4)) || component.table > 3 {
                return None;
            }
            component.blocks = [0, 1].map(|axis| size[axis].div_ceil(8 * most[axis]) * component.sampling[axis]);
            component.coefficients = vec![[0; 64]; component.blocks[0] * component.blocks[1]];
        }
        self.picture = Some(picture);
        Some(())
    }

    fn scan(&mut self) -> Option<()> {
        self.scans += 1;
        let segment = self.segment()?;
        let (count, rest) = segment.split_first()?;
        let (parts, [first, last, approximation]) = rest.split_at_checked(2 * usize::from(*count))? else {
            return None;
        };
        let picture = self.picture.as_mut()?;
        let mut parts_of_scan = Vec::new();
        for part in parts.chunks_exact(2) {
            let index = picture.components.iter().position(|component| component.id == part[0])?;
            let tables = [part[1] >> 4, part[1] & 15].map(usize::from);
            if tables.iter().any(|table| *table > 3) || parts_of_scan.iter().any(|(other, _)| *other == index) {
                return None;
            }
            // The tables of the first scan of a component are its tables.
            let component = &mut picture.components[index];
            if component.quantisation.is_none() {
                component.quantisation = Some(self.quantisation[component.table]?);
            }
            parts_of_scan.push((index, tables));
        }
        let span = Span {
            first: usize::from(*first),
            last: usize::from(*last),
            earlier: approximation >> 4,
            shift: approximation & 15,
            is_progressive: self.is_progressive,
        };
        if self.scans > MAX_SCANS || parts_of_scan.is_empty() || !span.is_valid(parts_of_scan.len()) {
            return None;
        }
        let mut scan = Scan { bits: Bits::new(self.bytes, self.at), last_dc: [0; 4], skip: 0, span };
        scan.run(picture, &parts_of_scan, &self.huffman, self.restart_every)?;
        self.at = scan.bits.end()?;
        Some(())
    }

    fn finish(self) -> Option<Picture> {
        let picture = self.picture?;
        let is_whole = picture.components.iter().all(|component| component.quantisation.is_some());
        is_whole.then_some(Picture { adobe: self.adobe, is_jfif: self.is_jfif, ..picture })
    }
}

/// Which coefficients a scan holds, and which of their bits.
struct Span {
    first: usize,
    last: usize,
    /// The lowest bit that earlier scans gave, plus one; 0 in the first scan.
    earlier: u8,
    /// The lowest bit that this scan gives.
    shift: u8,
    is_progressive: bool,
}

impl Span {
    fn is_valid(&self, components: usize) -> bool {
        if !self.is_progressive {
            return self.first == 0 && self.last == 63 && self.earlier == 0 && self.shift == 0;
        }
        let one_of_both = if self.first == 0 { self.last == 0 } else { self.last < 64 && components == 1 };
        one_of_both
            && self.first <= self.last
            && self.shift < 14
            && (self.earlier == 0 || self.earlier == self.shift + 1)
    }
}

struct Scan<'b> {
    bits: Bits<'b>,
    last_dc: [i32; 4],
    /// How many blocks to come have nothing more in this span.
    skip: u32,
    span: Span,
}

impl Scan<'_> {
    fn run(
        &mut self,
        picture: &mut Picture,
        parts: &[(usize, [usize; 2])],
        huffman: &[[Option<Huffman>; 4]; 2],
        restart_every: usize,
    ) -> Option<()> {
        let (most, size) = (picture.most(), picture.size);
        let is_alone = parts.len() == 1;
        // Of a component alone the blocks come one by one, and only those with pixels in them.
        let units = match parts {
            [(index, _)] => {
                let sampling = picture.components[*index].sampling;
                [0, 1].map(|axis| (size[axis] * sampling[axis]).div_ceil(most[axis]).div_ceil(8))
            }
            _ => [0, 1].map(|axis| size[axis].div_ceil(8 * most[axis])),
        };
        for unit in 0..units[0] * units[1] {
            if restart_every > 0 && unit > 0 && unit.is_multiple_of(restart_every) {
                self.bits.restart((unit / restart_every - 1) as u8 % 8)?;
                (self.last_dc, self.skip) = ([0; 4], 0);
            }
            let (x, y) = (unit % units[0], unit / units[0]);
            for (index, [dc, ac]) in parts {
                let component = &mut picture.components[*index];
                let [across, down] = if is_alone { [1, 1] } else { component.sampling };
                for (dy, dx) in (0..down).flat_map(|dy| (0..across).map(move |dx| (dy, dx))) {
                    let at = (y * down + dy) * component.blocks[0] + x * across + dx;
                    let block = component.coefficients.get_mut(at)?;
                    self.block(block, *index, huffman[0][*dc].as_ref(), huffman[1][*ac].as_ref())?;
                }
            }
        }
        Some(())
    }

    fn block(&mut self, block: &mut Block, component: usize, dc: Option<&Huffman>, ac: Option<&Huffman>) -> Option<()> {
        match (self.span.is_progressive, self.span.first, self.span.earlier) {
            (false, ..) => {
                self.first_dc(block, component, dc?)?;
                self.first_ac(block, ac?, 1)
            }
            (true, 0, 0) => self.first_dc(block, component, dc?),
            (true, 0, _) => {
                block[0] |= (self.bits.take(1)? << self.span.shift) as i16;
                Some(())
            }
            (true, first, 0) => self.first_ac(block, ac?, first),
            (true, ..) => self.more_ac(block, ac?),
        }
    }

    fn first_dc(&mut self, block: &mut Block, component: usize, table: &Huffman) -> Option<()> {
        let length = table.symbol(&mut self.bits)?;
        let last = &mut self.last_dc[component];
        *last += self.bits.signed(length)?;
        block[0] = i16::try_from(*last << self.span.shift).ok()?;
        Some(())
    }

    fn first_ac(&mut self, block: &mut Block, table: &Huffman, first: usize) -> Option<()> {
        if self.skip > 0 {
            self.skip -= 1;
            return Some(());
        }
        let mut k = first;
        while k <= self.span.last {
            let symbol = table.symbol(&mut self.bits)?;
            match (symbol >> 4, symbol & 15) {
                (15, 0) => k += 16,
                (run, 0) => {
                    if run > 0 && !self.span.is_progressive {
                        return None;
                    }
                    self.skip = (1 << run) + self.bits.take(run)? - 1;
                    break;
                }
                (run, length) => {
                    k += usize::from(run);
                    let value = self.bits.signed(length)? << self.span.shift;
                    *block.get_mut(*ZIGZAG.get(k).filter(|_| k <= self.span.last)?)? = i16::try_from(value).ok()?;
                    k += 1;
                }
            }
        }
        Some(())
    }

    /// One more bit of coefficients that earlier scans began, and those that begin here.
    fn more_ac(&mut self, block: &mut Block, table: &Huffman) -> Option<()> {
        let bit = 1i16 << self.span.shift;
        let mut k = self.span.first;
        while self.skip == 0 && k <= self.span.last {
            let symbol = table.symbol(&mut self.bits)?;
            let mut zeros = symbol >> 4;
            let value = match symbol & 15 {
                0 if zeros == 15 => 0,
                0 => {
                    // This block, too, ends here.
                    self.skip = (1 << zeros) + self.bits.take(zeros)?;
                    break;
                }
                1 if self.bits.take(1)? == 1 => bit,
                1 => -bit,
                _ => return None,
            };
            while k <= self.span.last {
                let coefficient = &mut block[ZIGZAG[k]];
                if *coefficient != 0 {
                    self.bits.refine(coefficient, bit)?;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                k += 1;
            }
            if value != 0 {
                block[*ZIGZAG.get(k).filter(|_| k <= self.span.last)?] = value;
            }
            k += 1;
        }
        if self.skip > 0 {
            for at in ZIGZAG.get(k..=self.span.last).unwrap_or_default() {
                if block[*at] != 0 {
                    self.bits.refine(&mut block[*at], bit)?;
                }
            }
            self.skip -= 1;
        }
        Some(())
    }
}
