//! Drawing: the few SVG shapes that the pictures need, and scales from numbers to positions.

use std::fmt::Write as _;

/// A picture in the making.
#[derive(Debug, Default)]
pub struct Svg {
    shapes: String,
}

/// Where a text is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// At its beginning.
    Start,
    /// In the middle.
    Middle,
    /// At its end.
    End,
}

impl Anchor {
    const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

impl Svg {
    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(
            self.shapes,
            "<line x1='{x1:.1}' y1='{y1:.1}' x2='{x2:.1}' y2='{y2:.1}' stroke='{colour}' stroke-width='{width}'/>"
        );
    }

    /// A line through points, dashed if asked.
    pub fn path(&mut self, points: &[(f64, f64)], colour: &str, width: f64, dashed: bool) {
        let points: String = points.iter().map(|(x, y)| format!("{x:.1},{y:.1} ")).collect();
        let dashes = if dashed { " stroke-dasharray='5 4'" } else { "" };
        let _ = writeln!(
            self.shapes,
            "<polyline points='{}' fill='none' stroke='{colour}' stroke-width='{width}'{dashes}/>",
            points.trim_end()
        );
    }

    /// A filled dot.
    pub fn dot(&mut self, (x, y): (f64, f64), radius: f64, colour: &str) {
        let _ =
            writeln!(self.shapes, "<circle cx='{x:.1}' cy='{y:.1}' r='{radius}' fill='{colour}'/>");
    }

    /// A filled rectangle from its upper left corner.
    pub fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: &str) {
        let _ = writeln!(
            self.shapes,
            "<rect x='{x:.1}' y='{y:.1}' width='{width:.1}' height='{height:.1}' fill='{colour}'/>"
        );
    }

    /// Text, held at `anchor`.
    pub fn text(&mut self, (x, y): (f64, f64), size: f64, anchor: Anchor, text: &str) {
        let _ = writeln!(
            self.shapes,
            "<text x='{x:.1}' y='{y:.1}' font-size='{size}' text-anchor='{}'>{}</text>",
            anchor.word(),
            escaped(text)
        );
    }

    /// The finished picture.
    #[must_use]
    pub fn finish(&self, width: f64, height: f64) -> String {
        format!(
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0} {height:.0}' width='{width:.0}' \
             height='{height:.0}' font-family='sans-serif' fill='#222'>\n\
             <rect width='100%' height='100%' fill='white'/>\n{}</svg>\n",
            self.shapes
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A logarithmic scale between two positions.
#[derive(Debug, Clone, Copy)]
pub struct LogScale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl LogScale {
    /// A scale that puts `low` at `from` and `high` at `to`.
    #[must_use]
    pub fn new((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        // A scale of a single value would divide by zero; it gets some room on both sides.
        let (low, high) = if low < high { (low, high) } else { (low / 2.0, high * 2.0) };
        Self { low: low.ln(), high: high.ln(), from, to }
    }

    /// The position of a value; values beyond the ends stay at the ends.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        let share = ((value.ln() - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.from + share * (self.to - self.from)
    }

    /// Round values within the scale: 1, 2 and 5 times powers of ten.
    #[must_use]
    pub fn ticks(&self) -> Vec<f64> {
        let decades = (self.low / std::f64::consts::LN_10).floor() as i32
            ..=(self.high / std::f64::consts::LN_10).ceil() as i32;
        decades
            .flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(decade)))
            .filter(|tick| (self.low - 1e-9..=self.high + 1e-9).contains(&tick.ln()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Anchor, LogScale, Svg};

    #[test]
    fn a_log_scale_puts_equal_factors_at_equal_distances() {
        let scale = LogScale::new((1.0, 100.0), (0.0, 200.0));
        assert_eq!(
            [1.0, 10.0, 100.0, 1e6].map(|value| scale.place(value).round()),
            [0.0, 100.0, 200.0, 200.0]
        );
        assert_eq!(scale.ticks(), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
    }

    #[test]
    fn a_scale_of_one_value_has_room_around_it() {
        assert_eq!(LogScale::new((3.0, 3.0), (0.0, 10.0)).place(3.0).round(), 5.0);
    }

    #[test]
    fn text_is_escaped_and_the_picture_is_closed() {
        let mut svg = Svg::default();
        svg.text((1.0, 2.0), 12.0, Anchor::Middle, "a < b & c");
        let picture = svg.finish(10.0, 20.0);
        assert!(picture.contains("a &lt; b &amp; c") && picture.trim_end().ends_with("</svg>"));
    }
}
