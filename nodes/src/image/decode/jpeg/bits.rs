//! The bits of a scan, and the codes in them: T.81, annex F.

/// The bits of a scan, without what keeps them from looking like markers.
pub struct Bits<'b> {
    bytes: &'b [u8],
    at: usize,
    /// The next bits, from the highest on.
    next: u64,
    count: u32,
}

impl<'b> Bits<'b> {
    pub fn new(bytes: &'b [u8], at: usize) -> Self {
        Bits { bytes, at, next: 0, count: 0 }
    }

    /// Reads on up to the next marker.
    pub fn fill(&mut self) {
        while self.count <= 56 {
            let byte = match self.bytes.get(self.at..) {
                Some([0xff, 0, ..]) => {
                    self.at += 2;
                    0xff
                }
                Some([byte, ..]) if *byte != 0xff => {
                    self.at += 1;
                    *byte
                }
                _ => return,
            };
            self.next |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// The next 16 bits, zeros where there are no more.
    pub fn peek(&mut self) -> u32 {
        if self.count < 16 {
            self.fill();
        }
        (self.next >> 48) as u32
    }

    pub fn skip(&mut self, count: u32) -> Option<()> {
        self.count = self.count.checked_sub(count)?;
        self.next <<= count;
        Some(())
    }

    /// A number of so many bits, at most 16.
    pub fn take(&mut self, count: u8) -> Option<u32> {
        let value = self.peek() >> (16 - u32::from(count));
        self.skip(u32::from(count))?;
        Some(value)
    }

    /// A number with sign in so many bits: T.81, figure F.12.
    pub fn signed(&mut self, length: u8) -> Option<i32> {
        if length > 15 {
            return None;
        }
        let value = self.take(length)? as i32;
        let half = (1 << length) >> 1;
        Some(if value < half { value + 1 - (1 << length) } else { value })
    }

    /// One more bit of a coefficient.
    pub fn refine(&mut self, coefficient: &mut i16, bit: i16) -> Option<()> {
        if self.take(1)? == 1 && *coefficient & bit == 0 {
            // Damaged data may refine what is at its limit.
            *coefficient = coefficient.wrapping_add(if *coefficient < 0 { -bit } else { bit });
        }
        Some(())
    }

    /// Goes on after the marker of this number, which must be next.
    pub fn restart(&mut self, number: u8) -> Option<()> {
        let at = self.end()?;
        if self.bytes.get(at..at + 2)? != [0xff, 0xd0 + number] {
            return None;
        }
        *self = Bits::new(self.bytes, at + 2);
        Some(())
    }

    /// Where the next marker is, if nothing but the rest of a byte is before it.
    pub fn end(&mut self) -> Option<usize> {
        self.fill();
        (self.count < 8).then_some(self.at)
    }
}

/// A table of Huffman codes.
pub struct Huffman {
    /// For the first 8 bits of a code: its length, if it is not longer, and symbol.
    short: [(u8, u8); 256],
    /// For each length, the first 16 bits of what is beyond its codes.
    limits: [u32; 17],
    /// For each length, what leads from a code to the place of its symbol.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Huffman {
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut table = Huffman { short: [(0, 0); 256], limits: [0; 17], offsets: [0; 17], symbols: symbols.to_vec() };
        let (mut code, mut place) = (0u32, 0usize);
        for (length, count) in (1u32..).zip(counts) {
            table.offsets[length as usize] = place as i32 - code as i32;
            for symbol in symbols.get(place..place + usize::from(*count))? {
                if code >= 1 << length {
                    return None;
                }
                if length <= 8 {
                    let start = (code << (8 - length)) as usize;
                    table.short[start..start + (1 << (8 - length))].fill((length as u8, *symbol));
                }
                code += 1;
                place += 1;
            }
            table.limits[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Some(table)
    }

    pub fn symbol(&self, bits: &mut Bits) -> Option<u8> {
        let next = bits.peek();
        let (length, symbol) = self.short[(next >> 8) as usize];
        if length > 0 {
            bits.skip(u32::from(length))?;
            return Some(symbol);
        }
        let length = (9..=16usize).find(|length| next < self.limits[*length])?;
        bits.skip(length as u32)?;
        let place = (next >> (16 - length)) as i32 + self.offsets[length];
        self.symbols.get(usize::try_from(place).ok()?).copied()
    }
}
