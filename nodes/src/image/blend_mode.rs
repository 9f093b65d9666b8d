//! One colour over another.
//!
//! **Source**: W3C Compositing and Blending Level 1, sections 5 (general formula, `source-over`), 10.1 (separable blend
//! modes), <https://www.w3.org/TR/compositing-1/>. `add` is `plus-lighter` of colours as a blend mode (linear dodge),
//! `subtract` its counterpart.

use selfsame_sdk::prelude::*;

/// How colours meet: `base` lies below, `top` above.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlendMode {
    /// The top colour.
    Normal,
    /// base · top: darker.
    Multiply,
    /// 1 - (1 - base) · (1 - top): lighter.
    Screen,
    /// Multiply where the base is dark, screen where it is light.
    Overlay,
    /// Multiply where the top is dark, screen where it is light.
    HardLight,
    /// As a soft light that shines on the base.
    SoftLight,
    /// The base made lighter to reflect the top.
    ColorDodge,
    /// The base made darker to reflect the top.
    ColorBurn,
    /// base + top, at most 1.
    Add,
    /// base - top, at least 0.
    Subtract,
    /// |base - top|
    Difference,
    /// base + top - 2 · base · top: as difference, with less contrast.
    Exclusion,
    /// The darker of both.
    Darken,
    /// The lighter of both.
    Lighten,
}

impl BlendMode {
    /// One channel of opaque colours, 0..1.
    pub fn channel(self, base: f32, top: f32) -> f32 {
        let screen = |a: f32, b: f32| a + b - a * b;
        let hard_light = |base: f32, top: f32| {
            if top <= 0.5 { base * (2.0 * top) } else { screen(base, 2.0 * top - 1.0) }
        };
        match self {
            BlendMode::Normal => top,
            BlendMode::Multiply => base * top,
            BlendMode::Screen => screen(base, top),
            BlendMode::Overlay => hard_light(top, base),
            BlendMode::HardLight => hard_light(base, top),
            BlendMode::SoftLight => soft_light(base, top),
            BlendMode::ColorDodge if base <= 0.0 => 0.0,
            BlendMode::ColorDodge if top >= 1.0 => 1.0,
            BlendMode::ColorDodge => (base / (1.0 - top)).min(1.0),
            BlendMode::ColorBurn if base >= 1.0 => 1.0,
            BlendMode::ColorBurn if top <= 0.0 => 0.0,
            BlendMode::ColorBurn => 1.0 - ((1.0 - base) / top).min(1.0),
            BlendMode::Add => (base + top).min(1.0),
            BlendMode::Subtract => (base - top).max(0.0),
            BlendMode::Difference => (base - top).abs(),
            BlendMode::Exclusion => base + top - 2.0 * base * top,
            BlendMode::Darken => base.min(top),
            BlendMode::Lighten => base.max(top),
        }
    }

    /// `top` over `base`, both with alpha: red, green, blue, alpha, not premultiplied.
    pub fn over(self, base: [f32; 4], top: [f32; 4]) -> [f32; 4] {
        let ([.., base_alpha], [.., top_alpha]) = (base, top);
        let alpha = top_alpha + base_alpha * (1.0 - top_alpha);
        if alpha <= 0.0 {
            return [0.0; 4];
        }
        let mut out = [alpha; 4];
        for ((out, base), top) in out.iter_mut().zip(base).zip(top).take(3) {
            let mixed = (1.0 - base_alpha) * top + base_alpha * self.channel(base, top);
            *out = (top_alpha * mixed + (1.0 - top_alpha) * base_alpha * base) / alpha;
        }
        out
    }
}

fn soft_light(base: f32, top: f32) -> f32 {
    if top <= 0.5 {
        return base - (1.0 - 2.0 * top) * base * (1.0 - base);
    }
    let lit = if base <= 0.25 { ((16.0 * base - 12.0) * base + 4.0) * base } else { base.sqrt() };
    base + (2.0 * top - 1.0) * (lit - base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(got: f32, wanted: f32) {
        assert!((got - wanted).abs() < 1e-6, "{got}, not {wanted}");
    }

    /// Worked out by hand from the formulas of the specification.
    #[test]
    fn modes_follow_their_formulas() {
        use BlendMode::*;
        let cases = [
            (Normal, 0.2, 0.6, 0.6),
            (Multiply, 0.2, 0.6, 0.12),
            (Screen, 0.2, 0.6, 0.68),
            (Overlay, 0.2, 0.6, 0.24),
            (Overlay, 0.8, 0.6, 0.84),
            (HardLight, 0.2, 0.6, 0.36),
            (HardLight, 0.8, 0.3, 0.48),
            (SoftLight, 0.36, 0.75, 0.48),
            (SoftLight, 0.2, 0.75, 0.324),
            (SoftLight, 0.2, 0.25, 0.12),
            (ColorDodge, 0.2, 0.6, 0.5),
            (ColorDodge, 0.0, 1.0, 0.0),
            (ColorDodge, 0.8, 0.6, 1.0),
            (ColorBurn, 0.8, 0.5, 0.6),
            (ColorBurn, 1.0, 0.0, 1.0),
            (ColorBurn, 0.2, 0.5, 0.0),
            (Add, 0.2, 0.6, 0.8),
            (Add, 0.8, 0.6, 1.0),
            (Subtract, 0.8, 0.6, 0.2),
            (Subtract, 0.2, 0.6, 0.0),
            (Difference, 0.2, 0.6, 0.4),
            (Exclusion, 0.2, 0.6, 0.56),
            (Darken, 0.2, 0.6, 0.2),
            (Lighten, 0.2, 0.6, 0.6),
        ];
        for (mode, base, top, wanted) in cases {
            let got = mode.channel(base, top);
            assert!((got - wanted).abs() < 1e-6, "{mode:?} of {base} and {top}: {got}, not {wanted}");
        }
    }

    #[test]
    fn alpha_weighs() {
        let out = BlendMode::Multiply.over([0.5, 0.5, 0.5, 1.0], [0.2, 1.0, 0.0, 0.5]);
        for (got, wanted) in out.into_iter().zip([0.3, 0.5, 0.25, 1.0]) {
            assert_near(got, wanted);
        }
        // Where nothing lies below, the top keeps its colour in every mode.
        for (got, wanted) in
            BlendMode::Multiply.over([0.9, 0.9, 0.9, 0.0], [0.2, 0.4, 0.6, 0.5]).into_iter().zip([0.2, 0.4, 0.6, 0.5])
        {
            assert_near(got, wanted);
        }
        let half = BlendMode::Normal.over([0.0, 0.0, 0.0, 0.5], [1.0, 1.0, 1.0, 0.5]);
        assert_near(half[0], 2.0 / 3.0);
        assert_near(half[3], 0.75);
        assert_eq!(BlendMode::Normal.over([1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 0.0]), [0.0; 4]);
    }
}
