//! The picture of a run: throughput over threads for every matrix, and below it the ratio of every other cell with
//! its interval.

use crate::arm::Role;
use crate::cell::Place;
use crate::plot::{Anchor, LogScale, Svg};
use crate::report::{ArmReport, CellReport};

const WIDTH: f64 = 1_080.0;
const MARGIN: f64 = 24.0;
const PANEL: (f64, f64) = (344.0, 250.0);
const LINE: f64 = 16.0;

/// Where the names end and the scale begins in the list of ratios.
const NAMES: f64 = 470.0;

/// Colours that stay apart in most kinds of colour blindness; ours is the first.
const COLOURS: [&str; 9] = [
    "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#8c564b",
    "#17becf",
];
const GRID: &str = "#dddddd";
const LIMIT: &str = "#000000";

/// Draws the cells; the `facts` say what they were measured on.
#[must_use]
pub fn draw(cells: &[CellReport], facts: &[String]) -> String {
    let mut svg = Svg::default();
    svg.text((MARGIN, 30.0), 18.0, Anchor::Start, "Lock primitives against their peers, one run");
    let mut top = 34.0;
    for fact in facts {
        top += LINE;
        svg.text((MARGIN, top), 11.0, Anchor::Start, fact);
    }
    top += LINE;
    for row in rows_of(cells, true) {
        top = draw_matrix(&mut svg, &row, top);
    }
    let rest: Vec<&CellReport> = rows_of(cells, false).concat();
    if !rest.is_empty() {
        top = draw_ratios(&mut svg, &rest, top);
    }
    svg.finish(WIDTH, top + MARGIN)
}

/// The cells row by row: those that form a curve over threads, or those that do not.
fn rows_of(cells: &[CellReport], curves: bool) -> Vec<Vec<&CellReport>> {
    let mut names: Vec<&str> = cells.iter().map(|cell| cell.row).collect();
    names.dedup();
    let groups = names
        .into_iter()
        .map(|name| cells.iter().filter(|cell| cell.row == name).collect::<Vec<_>>());
    groups.filter(|group| is_curve(group) == curves).collect()
}

fn is_curve(group: &[&CellReport]) -> bool {
    let mut threads: Vec<usize> =
        group.iter().filter_map(|cell| cell.place).map(|place| place.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    threads.len() > 1
}

/// The arms of a row, ours first, with a colour each; the control is left out.
fn palette<'a>(cells: &[&'a CellReport]) -> Vec<(&'a str, Role, &'static str)> {
    let mut names: Vec<(&str, Role, &str)> = Vec::new();
    let mut colours = COLOURS.iter().cycle();
    for arm in cells.iter().flat_map(|cell| &cell.arms).filter(|arm| arm.role != Role::Control) {
        if !names.iter().any(|(name, _, _)| *name == arm.name) {
            let colour = if arm.role == Role::Limit {
                LIMIT
            } else {
                colours.next().copied().unwrap_or(LIMIT)
            };
            names.push((&arm.name, arm.role, colour));
        }
    }
    names
}

fn draw_matrix(svg: &mut Svg, cells: &[&CellReport], top: f64) -> f64 {
    let Some(first) = cells.first() else { return top };
    let arms = palette(cells);
    let title =
        format!("{}: million operations ({}) per second over threads", first.row, first.operation);
    svg.text((MARGIN, top + 16.0), 14.0, Anchor::Start, &title);
    let mut x = MARGIN;
    for (name, role, colour) in &arms {
        svg.path(&[(x, top + 32.0), (x + 18.0, top + 32.0)], colour, 2.5, *role == Role::Limit);
        svg.text((x + 22.0, top + 36.0), 11.0, Anchor::Start, name);
        x += 40.0 + 6.5 * name.chars().count() as f64;
    }
    let mut panels: Vec<(u32, u32)> = cells
        .iter()
        .filter_map(|cell| cell.place)
        .map(|place| (place.outside, place.section))
        .collect();
    panels.sort_unstable();
    panels.dedup();
    let panels_top = top + 48.0;
    for (number, key) in panels.iter().enumerate() {
        let corner =
            (MARGIN + (number % 3) as f64 * PANEL.0, panels_top + (number / 3) as f64 * PANEL.1);
        let inside: Vec<(Place, &CellReport)> = cells
            .iter()
            .filter_map(|cell| cell.place.map(|place| (place, *cell)))
            .filter(|(place, _)| (place.outside, place.section) == *key)
            .collect();
        draw_panel(svg, &inside, &arms, corner);
    }
    panels_top + panels.len().div_ceil(3) as f64 * PANEL.1 + LINE
}

/// The scales of one panel: threads at equal distances to the right, rates logarithmically upwards.
struct Axes {
    left: f64,
    right: f64,
    lower: f64,
    columns: usize,
    rates: LogScale,
}

impl Axes {
    fn new(cells: &[(Place, &CellReport)], corner: (f64, f64)) -> Option<Self> {
        let (upper, lower) = (corner.1 + 24.0, corner.1 + PANEL.1 - 32.0);
        let rates = cells
            .iter()
            .flat_map(|(_, cell)| &cell.arms)
            .map(ArmReport::mega_per_second)
            .filter(|rate| *rate > 0.0 && rate.is_finite());
        let (low, high) = rates
            .fold((f64::INFINITY, 0.0_f64), |(low, high), rate| (low.min(rate), high.max(rate)));
        low.is_finite().then(|| Self {
            left: corner.0 + 44.0,
            right: corner.0 + PANEL.0 - 16.0,
            lower,
            columns: cells.len(),
            rates: LogScale::new((low / 1.1, high * 1.1), (lower, upper)),
        })
    }

    /// Where the column of a cell stands; a single one stands in the middle.
    fn column(&self, number: usize) -> f64 {
        match self.columns {
            0 | 1 => f64::midpoint(self.left, self.right),
            more => self.left + (self.right - self.left) * number as f64 / (more - 1) as f64,
        }
    }

    fn draw(&self, svg: &mut Svg) {
        for tick in self.rates.ticks() {
            let y = self.rates.place(tick);
            svg.line((self.left, y), (self.right, y), GRID, 1.0);
            svg.text((self.left - 4.0, y + 3.5), 10.0, Anchor::End, &format!("{tick}"));
        }
    }
}

fn draw_panel(
    svg: &mut Svg,
    cells: &[(Place, &CellReport)],
    arms: &[(&str, Role, &str)],
    corner: (f64, f64),
) {
    let Some(axes) = Axes::new(cells, corner) else { return };
    axes.draw(svg);
    for (number, (place, _)) in cells.iter().enumerate() {
        let below = (axes.column(number), axes.lower + 14.0);
        svg.text(below, 10.0, Anchor::Middle, &place.threads.to_string());
    }
    if let Some((_, cell)) = cells.first() {
        // The label begins with the number of threads, which is the axis here.
        let title = cell.label.split_once(", ").map_or(cell.label.as_str(), |(_, rest)| rest);
        svg.text((axes.left, corner.1 + 16.0), 11.5, Anchor::Start, title);
    }
    // Ours comes last, so that it lies on top.
    for (name, role, colour) in arms.iter().rev() {
        let rate = |(_, cell): &(Place, &CellReport)| {
            cell.arms.iter().find(|arm| arm.name == *name).map(ArmReport::mega_per_second)
        };
        let points: Vec<(f64, f64)> = cells
            .iter()
            .enumerate()
            .filter_map(|(number, cell)| Some((axes.column(number), axes.rates.place(rate(cell)?))))
            .collect();
        let (width, radius) = if *role == Role::Ours { (2.6, 3.2) } else { (1.6, 2.2) };
        svg.path(&points, colour, width, *role == Role::Limit);
        points.iter().for_each(|point| svg.dot(*point, radius, colour));
    }
}

/// A line per cell and rival: the interval of our cost over theirs, left of 1 where ours is cheaper.
fn draw_ratios(svg: &mut Svg, cells: &[&CellReport], top: f64) -> f64 {
    svg.text(
        (MARGIN, top + 16.0),
        14.0,
        Anchor::Start,
        "Our cost over theirs, median and 95 % interval; left of 1 ours is cheaper",
    );
    let lines: usize = cells.iter().map(|cell| 1 + rivals(cell).count()).sum();
    let (upper, lower) = (top + 44.0, top + 44.0 + lines as f64 * LINE);
    let scale = LogScale::new((0.1, 10.0), (NAMES, WIDTH - MARGIN));
    for tick in scale.ticks() {
        let width = if (tick - 1.0).abs() < 1e-9 { 2.0 } else { 1.0 };
        svg.line((scale.place(tick), upper - 8.0), (scale.place(tick), lower), GRID, width);
        svg.text((scale.place(tick), upper - 12.0), 10.0, Anchor::Middle, &format!("{tick}"));
    }
    let mut y = upper + 4.0;
    for cell in cells {
        svg.text((MARGIN, y + 4.0), 11.5, Anchor::Start, &format!("{}: {}", cell.row, cell.label));
        y += LINE;
        for rival in rivals(cell) {
            draw_ratio(svg, rival, &scale, y);
            y += LINE;
        }
    }
    lower + LINE
}

fn rivals(cell: &CellReport) -> impl Iterator<Item = &ArmReport> {
    cell.arms.iter().filter(|arm| arm.role != Role::Ours && arm.ratio.is_some())
}

fn draw_ratio(svg: &mut Svg, rival: &ArmReport, scale: &LogScale, y: f64) {
    let Some(ratio) = rival.ratio else { return };
    let colour = match rival.role {
        Role::Limit => LIMIT,
        Role::Control => "#999999",
        _ if ratio.high < 1.0 => COLOURS[2],
        _ if ratio.low > 1.0 => COLOURS[0],
        _ => "#777777",
    };
    svg.text(
        (NAMES - 12.0, y + 4.0),
        10.5,
        Anchor::End,
        &format!("{} {:.2}", rival.name, ratio.median),
    );
    svg.line((scale.place(ratio.low), y), (scale.place(ratio.high), y), colour, 2.0);
    svg.dot((scale.place(ratio.median), y), 3.0, colour);
}

#[cfg(test)]
mod tests {
    use super::{draw, is_curve};
    use crate::table::tests::cell;

    #[test]
    fn a_matrix_becomes_curves_and_a_single_cell_becomes_ratios() {
        let matrix = [cell(2, 1.0), cell(4, 1.0)];
        let picture = draw(&matrix, &["here".to_owned()]);
        assert!(picture.contains("over threads") && !picture.contains("Our cost over theirs"));
        assert!(picture.contains("<polyline") && picture.contains("one thread alone"));
        let single = draw(&matrix[..1], &[]);
        assert!(single.contains("Our cost over theirs") && single.contains("std 0.50"));
    }

    #[test]
    fn nothing_to_draw_is_still_a_picture() {
        assert!(draw(&[], &[]).trim_end().ends_with("</svg>"));
        assert!(!is_curve(&[]));
    }
}
