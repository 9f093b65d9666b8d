//! Pictures of 8 bits: what detectors, drawing and other work that must match the reference byte by byte take.

use super::color::with_channels;
use super::pixels::check_size;
use selfsame_sdk::{Image, Result, bail};

/// One picture of 8 bits a channel.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes {
    width: usize,
    height: usize,
    channels: usize,
    data: Vec<u8>,
}

impl Bytes {
    /// A picture from its values, `height * width * channels` of them, row by row.
    ///
    /// # Errors
    /// If there are more or fewer, a side is 0, or there are none of 1, 3 or 4 channels.
    pub fn new([width, height]: [usize; 2], channels: usize, data: Vec<u8>) -> Result<Self> {
        if width == 0 || height == 0 || !matches!(channels, 1 | 3 | 4) {
            bail!("no picture has {width} x {height} px with {channels} channels");
        }
        let count = check_size([1, height, width, channels])?;
        if data.len() != count {
            bail!("{width} x {height} px with {channels} channels are {count} values, got {}", data.len());
        }
        Ok(Bytes { width, height, channels, data })
    }

    /// A black picture.
    ///
    /// # Errors
    /// As [`check_size`], and as [`new`](Self::new).
    pub fn black([width, height]: [usize; 2], channels: usize) -> Result<Self> {
        let count = check_size([1, height, width, channels])?;
        Self::new([width, height], channels, vec![0; count])
    }

    /// The pictures of a batch with a number of channels: gray becomes three equal colours, colours become their luma.
    ///
    /// # Errors
    /// As [`check_size`].
    pub fn frames(image: Image, channels: usize) -> Result<Vec<Self>> {
        Self::frames_with(image, channels, |value| (value.clamp(0.0, 1.0) * 255.0).round() as u8)
    }

    /// As [`frames`](Self::frames), but of values between two levels the upper eight of sixteen bits, as Pillow reads files of 16 bits:
    /// what networks are given that the reference gives such files. Values of 8 bits stay what they are.
    ///
    /// # Errors
    /// As [`frames`](Self::frames).
    pub fn frames_as_read(image: Image, channels: usize) -> Result<Vec<Self>> {
        Self::frames_with(image, channels, |value| ((value.clamp(0.0, 1.0) * 65_535.0).round() as u16 >> 8) as u8)
    }

    fn frames_with(image: Image, channels: usize, byte: impl Fn(f32) -> u8) -> Result<Vec<Self>> {
        let image = with_channels(image, channels)?;
        let frames = image.frames().map(|frame| frame.iter().map(|value| byte(*value)).collect());
        frames.map(|data| Self::new([image.width(), image.height()], channels, data)).collect()
    }

    /// Pictures of one size as a batch.
    ///
    /// # Errors
    /// If there is none, or they differ in size.
    pub fn into_image(frames: Vec<Self>) -> Result<Image> {
        let Some(first) = frames.first() else { bail!("there is no picture") };
        let dims = [frames.len(), first.height, first.width, first.channels];
        check_size(dims)?;
        if frames.iter().any(|frame| frame.size() != first.size() || frame.channels != first.channels) {
            bail!("the pictures differ in size");
        }
        Image::new(dims, frames.iter().flat_map(|frame| &frame.data).map(|value| f32::from(*value) / 255.0).collect())
    }

    /// Width and height in pixels.
    pub fn size(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    /// 1, 3 or 4.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// All values, row by row.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// All values, to write.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// The values of a row.
    pub fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.width * self.channels..][..self.width * self.channels]
    }

    /// The values of a pixel; none beyond the borders.
    pub fn pixel(&self, x: i64, y: i64) -> Option<&[u8]> {
        let x = usize::try_from(x).ok().filter(|x| *x < self.width)?;
        let y = usize::try_from(y).ok().filter(|y| *y < self.height)?;
        self.data.get((y * self.width + x) * self.channels..)?.get(..self.channels)
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "u8 {} x {} px, {} channels", self.width, self.height, self.channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let image = Image::new([2, 1, 1, 3], vec![0.0, 1.0, 0.5, 2.0, -1.0, 0.2]).unwrap();
        let frames = Bytes::frames(image, 3).unwrap();
        assert_eq!((frames[0].data(), frames[1].data()), (&[0, 255, 128][..], &[255, 0, 51][..]));
        let bytes: Vec<u8> = (0..=255).collect();
        let all = Image::new([1, 1, 256, 1], bytes.iter().map(|byte| f32::from(*byte) / 255.0).collect()).unwrap();
        assert_eq!(Bytes::frames_as_read(all, 1).unwrap()[0].data(), bytes);
        let between = Image::new([1, 1, 2, 1], [0x2fff_u16, 0x1200].map(|w| f32::from(w) / 65_535.0).to_vec());
        assert_eq!(Bytes::frames_as_read(between.unwrap(), 1).unwrap()[0].data(), [0x2f, 0x12]);
        let back = Bytes::into_image(frames.clone()).unwrap();
        assert_eq!(back.dims(), [2, 1, 1, 3]);
        assert_eq!(Bytes::frames(back, 3).unwrap(), frames);
    }

    #[test]
    fn what_is_no_picture() {
        assert!(Bytes::new([2, 2], 3, vec![0; 11]).unwrap_err().message.contains("are 12 values, got 11"));
        assert!(Bytes::new([0, 2], 3, vec![]).is_err());
        assert!(Bytes::new([1, 1], 2, vec![0; 2]).is_err());
        assert!(Bytes::black([1 << 20, 1], 3).is_err());
        assert!(Bytes::into_image(vec![]).is_err());
        let picture = Bytes::new([1, 2], 1, vec![7, 8]).unwrap();
        assert_eq!((picture.pixel(0, 1), picture.pixel(-1, 0), picture.pixel(0, 2)), (Some(&[8][..]), None, None));
    }
}
