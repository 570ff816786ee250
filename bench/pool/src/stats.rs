//! Medians, and how far a median can be trusted.

/// A median with the ends of an interval around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

/// The median; none of none.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    quantile(&sorted(values), 0.5)
}

/// The median of `values` and the interval that 95 % of the medians of samples drawn from them again
/// fall into. With fewer than 5 values it is their range.
pub(crate) fn interval(values: &[f64]) -> Option<Spread> {
    const DRAWS: usize = 2000;
    let sorted = sorted(values);
    let median = quantile(&sorted, 0.5)?;
    if sorted.len() < 5 {
        return Some(Spread { low: sorted[0], median, high: sorted[sorted.len() - 1] });
    }
    let mut state = 1;
    let mut medians = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        let mut drawn: Vec<f64> =
            (0..sorted.len()).map(|_| sorted[draw(&mut state, sorted.len())]).collect();
        drawn.sort_by(f64::total_cmp);
        medians.extend(quantile(&drawn, 0.5));
    }
    medians.sort_by(f64::total_cmp);
    Some(Spread { low: quantile(&medians, 0.025)?, median, high: quantile(&medians, 0.975)? })
}

/// The same numbers each time: the high bits of a linear congruence.
fn draw(state: &mut u64, end: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize % end
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let at = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(below + (above - below) * at.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_lies_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[4.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[1.0, 2.0]), Some(1.5));
    }

    #[test]
    fn an_interval_holds_its_median_and_narrows() {
        let noisy: Vec<f64> = (0..9).map(|i| 1.0 + f64::from(i % 3) * 0.1).collect();
        let wide = interval(&noisy).expect("values");
        assert!(wide.low <= wide.median && wide.median <= wide.high && wide.low < wide.high);
        let still = interval(&[1.0; 9]).expect("values");
        assert_eq!(still, Spread { low: 1.0, median: 1.0, high: 1.0 });
        let few = interval(&[1.0, 3.0]).expect("values");
        assert_eq!((few.low, few.high), (1.0, 3.0));
    }
}
